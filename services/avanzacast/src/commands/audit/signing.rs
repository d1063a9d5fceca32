//! What checkpoints are signed with, and what was signed.

use avanzacast_audit::log::{Keyring, Origin, Vkey};
use avanzacast_kit::config::Variables;
use avanzacast_worker::store::{Session, Sql, decode};

use super::Failure;
use crate::commands::session_worker::data_dir;

/// The checkpoint that was signed last.
const LAST: Sql = Sql {
    postgres: "SELECT json_agg(note) FROM (SELECT note FROM checkpoint WHERE $1::text[] IS NOT NULL
        ORDER BY size DESC LIMIT 1) c",
    sqlite: "SELECT json_group_array(note) FROM (SELECT note FROM checkpoint WHERE ?1 IS NOT NULL
        ORDER BY size DESC LIMIT 1)",
};

/// The signed text, if there is one.
pub(super) async fn last(session: &mut Session) -> Result<Option<String>, Failure> {
    let (notes, _) = session.select(LAST, &[]).await?;
    Ok(decode::<Vec<String>>(&notes)?.pop())
}

/// The log's name: the configured one, or the one that it has by its ledger.
pub(super) async fn origin(variables: &Variables, session: &mut Session) -> Result<Origin, Failure> {
    match variables.text("AUDIT_ORIGIN") {
        Some(origin) => Ok(origin.parse()?),
        None => Ok(Origin::of_ledger(&session.head().await?.ledger_id)?),
    }
}

/// The public keys of this server's own, the newest first.
pub(super) async fn public(variables: &mut Variables, session: &mut Session) -> Result<Vec<Vkey>, Failure> {
    let origin = origin(variables, session).await?;
    let configured = variables.secret("AUDIT_SIGNING_KEY");
    let ring = Keyring::read(configured.as_ref(), &data_dir(variables), &origin)?;
    Ok(ring.ok_or("there is no signing key here: AUDIT_SIGNING_KEY, or audit/signing.key in DATA_DIR")?.public())
}
