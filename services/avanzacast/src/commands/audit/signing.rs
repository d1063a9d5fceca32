//! What checkpoints are signed with, and what was signed.

use avanzacast_audit::log::{Keyring, Origin, Vkey};
use avanzacast_kit::config::Variables;
use avanzacast_worker::store::Store;

use super::Failure;
use crate::commands::session_worker::data_dir;

/// The log's name: the configured one, or the one that it has by its ledger.
pub(super) async fn origin(variables: &Variables, store: &Store) -> Result<Origin, Failure> {
    match variables.text("AUDIT_ORIGIN") {
        Some(origin) => Ok(origin.parse()?),
        None => Ok(Origin::of_ledger(&store.connect().await?.head().await?.ledger_id)?),
    }
}

/// The public keys of this server's own, the newest first.
pub(super) async fn public(variables: &mut Variables, store: &Store) -> Result<Vec<Vkey>, Failure> {
    let origin = origin(variables, store).await?;
    let configured = variables.secret("AUDIT_SIGNING_KEY");
    let ring = Keyring::read(configured.as_ref(), &data_dir(variables), &origin)?;
    Ok(ring.ok_or("there is no signing key here: AUDIT_SIGNING_KEY, or audit/signing.key in DATA_DIR")?.public())
}
