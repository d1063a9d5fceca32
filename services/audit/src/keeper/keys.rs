//! How the log is called, and what it is signed with. A new log may take the place of one that lost events, also under a
//! process that runs: it has another name and other keys, and what was called otherwise is never continued.

use std::{path::PathBuf, sync::Arc};

use avanzacast_kit::Secret;
use avanzacast_worker::store::{Session, Store, StoreError};
use tokio::sync::Mutex;

use crate::{
    log::{KeyError, Keyring, KeyringError, Origin},
    rebuild::gaps_before,
};

/// How the log is called and signed, as it is configured.
#[derive(Debug, Clone)]
pub struct KeysConfig {
    /// Its name; unless told, one that it has by its id.
    pub origin: Option<Origin>,
    /// Its keys; unless told, those in the data folder.
    pub signing_key: Option<Secret>,
    /// The data folder.
    pub data_dir: PathBuf,
}

/// The log has no name or no key that it could be signed with.
#[derive(Debug, thiserror::Error)]
pub enum UnnamedError {
    /// A log before it had that name.
    #[error(
        "AUDIT_ORIGIN is {0}, and that is the name of a log that lost events and was given up: this is a new log, which \
         needs another name, for whoever trusts the old one must never be shown this one in its place"
    )]
    Earlier(Origin),
    /// Its id makes no name.
    #[error("the ledger's id is none of ours")]
    Id(#[source] KeyError),
    /// Its keys.
    #[error(transparent)]
    Keys(#[from] KeyringError),
    /// The database.
    #[error("the ledger's name cannot be read")]
    Store(#[from] StoreError),
}

/// What a log is called: as it is configured, or by its id. A name that a log before it had is none.
///
/// # Errors
/// [`UnnamedError`].
pub async fn origin_of(store: &Store, ledger_id: &str, configured: Option<&Origin>) -> Result<Origin, UnnamedError> {
    let Some(configured) = configured else { return Origin::of_ledger(ledger_id).map_err(UnnamedError::Id) };
    if gaps_before(store).await?.iter().any(|gap| gap.previous_origin == configured.as_str()) {
        return Err(UnnamedError::Earlier(configured.clone()));
    }
    Ok(configured.clone())
}

/// One log's.
#[derive(Debug)]
pub(super) struct LogKeys {
    pub(super) ledger_id: String,
    pub(super) ring: Keyring,
}

/// The keys of whichever log is there, shared by those who sign and those who answer.
#[derive(Debug)]
pub(super) struct Keys {
    store: Store,
    config: KeysConfig,
    known: Mutex<Option<Arc<LogKeys>>>,
}

impl Keys {
    pub(super) fn new(store: Store, config: KeysConfig) -> Self {
        Self { store, config, known: Mutex::default() }
    }

    /// The keys of the log that is there now.
    pub(super) async fn now(&self, session: &mut Session) -> Result<Arc<LogKeys>, UnnamedError> {
        let ledger_id = session.head().await?.ledger_id;
        let mut known = self.known.lock().await;
        if let Some(same) = known.as_ref().filter(|known| known.ledger_id == ledger_id) {
            return Ok(Arc::clone(same));
        }
        *known = None;
        let KeysConfig { origin, signing_key, data_dir } = &self.config;
        let origin = origin_of(&self.store, &ledger_id, origin.as_ref()).await?;
        let ring = Keyring::open(signing_key.as_ref(), data_dir, &origin)?;
        tracing::info!(origin = %origin, vkey = %ring.key().vkey(), "checkpoints are signed");
        let keys = Arc::new(LogKeys { ledger_id, ring });
        *known = Some(Arc::clone(&keys));
        Ok(keys)
    }
}
