//! The ledger's keeper: the audit worker. It follows the ledger, derives its index and its tiles, signs where it stands, tells
//! that to the outside, and answers what is asked about it.

mod answers;
mod counts;
mod derive;
mod events;
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

pub use self::{outside::OutsideConfig, service::AuditService, signing::SigningConfig};

/// How the ledger is kept.
#[derive(Debug)]
pub struct KeeperConfig {
    /// How it is signed.
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

/// Starts the worker's loops. A session worker relays what it writes.
///
/// # Errors
/// The database or the bus is away.
pub async fn start(store: Store, config: KeeperConfig, bus: &Bus, life: &Lifecycle) -> Result<Keeper, KeeperError> {
    let KeeperConfig { signing, outside } = config;
    let running = avanzacast_worker::run(Arc::new(AuditService), store.clone(), bus, None, life).await?;
    let answers = answers::serve_answers(bus, store.clone(), signing.ring.public(), life).await?;
    let deriving = derive::Deriving::new(signing);
    let follower = Follower::new(deriving, store.clone(), running.guard.clone(), bus);
    life.essential("following the ledger", follower.run(life.stopping()));
    if outside.file.is_some() || outside.url.is_some() {
        life.essential("telling checkpoints", outside::Telling::new(outside).run(store, life.stopping()));
    }
    Ok(Keeper { _running: running, _answers: answers })
}
