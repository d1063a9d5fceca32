//! The ledger's keeper: the audit worker. It follows the ledger, derives its index and its tiles, signs where it stands, tells
//! that to the outside, and answers what is asked about it.

mod answers;
mod counts;
mod derive;
mod events;
mod keys;
mod ledger;
mod outside;
mod service;
mod signing;
mod who;

use std::sync::Arc;

use avanzacast_kit::{
    bus::{Bus, ServeError, Served},
    lifecycle::Lifecycle,
};
use avanzacast_worker::{Follower, Running, StartError, store::Store};

use self::keys::Keys;
pub use self::{
    keys::{KeysConfig, UnnamedError, origin_of},
    outside::OutsideConfig,
    service::AuditService,
    signing::SigningConfig,
};

/// How the ledger is kept.
#[derive(Debug)]
pub struct KeeperConfig {
    /// How it is called, and with what it is signed.
    pub keys: KeysConfig,
    /// When it is signed.
    pub signing: SigningConfig,
    /// Where its checkpoints go.
    pub outside: OutsideConfig,
}

/// The keeper could not start.
#[derive(Debug, thiserror::Error)]
pub enum KeeperError {
    /// The worker.
    #[error(transparent)]
    Worker(#[from] StartError),
    /// The log's name or keys.
    #[error(transparent)]
    Unnamed(#[from] UnnamedError),
    /// Its service.
    #[error(transparent)]
    Serve(#[from] ServeError),
}

/// A running keeper; dropped, it leaves the queue group.
#[derive(Debug)]
pub struct Keeper {
    _running: Running,
    _answers: Served,
}

/// Starts the worker's loops. A session worker relays what it writes. The log has its name, and its key, before anything else
/// is done.
///
/// # Errors
/// The database or the bus is away, or the log has no name or key of its own.
pub async fn start(store: Store, config: KeeperConfig, bus: &Bus, life: &Lifecycle) -> Result<Keeper, KeeperError> {
    let KeeperConfig { keys, signing, outside } = config;
    let keys = Arc::new(Keys::new(store.clone(), keys));
    let log = keys.now(&mut store.connect().await.map_err(UnnamedError::Store)?).await?.ledger_id.clone();
    let running = avanzacast_worker::run(Arc::new(AuditService), store.clone(), bus, None, life).await?;
    let answers = answers::serve_answers(bus, store.clone(), Arc::clone(&keys), life).await?;
    let deriving = derive::Deriving::new(signing, keys, log);
    let follower = Follower::new(deriving, store.clone(), running.guard.clone(), bus);
    life.essential("following the ledger", follower.run(life.stopping()));
    if outside.file.is_some() || outside.url.is_some() {
        life.essential("telling checkpoints", outside::Telling::new(outside).run(store, life.stopping()));
    }
    Ok(Keeper { _running: running, _answers: answers })
}
