//! What checkpoints are signed with, and what was signed.

use avanzacast_audit::{
    keeper::{UnnamedError, origin_of},
    log::{Keyring, KeyringError, Origin, Vkey},
};
use avanzacast_kit::config::Variables;
use avanzacast_worker::store::Store;

use super::Failure;
use crate::commands::{log_name, operator::Usage, session_worker::data_dir};

/// The log's name: the configured one, or the one that it has by its ledger.
pub(super) async fn origin(variables: &mut Variables, store: &Store) -> Result<Origin, Failure> {
    let configured = log_name::origin(variables);
    variables.clone().finish()?;
    let ledger_id = store.connect().await?.head().await?.ledger_id;
    origin_of(store, &ledger_id, configured.as_ref()).await.map_err(|error| match error {
        UnnamedError::Earlier(_) => Usage(error.to_string()).into(),
        UnnamedError::Id(_) | UnnamedError::Keys(_) | UnnamedError::Store(_) => error.into(),
    })
}

/// The public keys of this server's own, the newest first.
pub(super) async fn public(variables: &mut Variables, store: &Store) -> Result<Vec<Vkey>, Failure> {
    let origin = origin(variables, store).await?;
    let configured = log_name::signing_key(variables);
    variables.clone().finish()?;
    let ring = Keyring::read(configured.as_ref(), &data_dir(variables), &origin);
    let ring = ring.map_err(|error| match error {
        KeyringError::Foreign(_) => Failure::from(Usage(error.to_string())),
        KeyringError::Configured(_)
        | KeyringError::Kept(..)
        | KeyringError::Open(_)
        | KeyringError::File(..)
        | KeyringError::Made(_) => error.into(),
    })?;
    Ok(ring.ok_or("there is no signing key here: AUDIT_SIGNING_KEY, or audit/signing.key in DATA_DIR")?.public())
}
