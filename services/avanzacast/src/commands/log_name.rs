//! How the log is called and what it is signed with, as it is configured.

use avanzacast_audit::log::{Origin, SigningKey};
use avanzacast_kit::{Secret, config::Variables};

/// `AUDIT_ORIGIN`; what is wrong with it is noted.
pub(crate) fn origin(variables: &mut Variables) -> Option<Origin> {
    match variables.text("AUDIT_ORIGIN")?.parse() {
        Ok(origin) => Some(origin),
        Err(error) => {
            variables.problem(format!("AUDIT_ORIGIN: {error}"));
            None
        }
    }
}

/// `AUDIT_SIGNING_KEY`; what is wrong with it is noted, so that nothing starts which would end when it is to sign.
pub(crate) fn signing_key(variables: &mut Variables) -> Option<Secret> {
    let keys = variables.secret("AUDIT_SIGNING_KEY")?;
    if let Some(error) = keys.reveal().split(',').find_map(|key| key.parse::<SigningKey>().err()) {
        variables.problem(format!("AUDIT_SIGNING_KEY: {error}"));
    }
    Some(keys)
}
