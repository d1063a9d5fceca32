//! A worker: its loops, and what they share.

use std::{sync::Arc, time::Duration};

use avanzacast_kit::{
    bus::{Bus, CacheWriter, DeadLetters, Delivery, EventsStream, Intake, Served, serve},
    lifecycle::Lifecycle,
    metrics::QueueMeter,
};
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

use crate::{
    batch::Batches,
    conclude::Concluder,
    guard::{Guard, Standing},
    limits,
    lookups::Lookups,
    relay::Relay,
    retention::Retention,
    service::{Service, Sweeps},
    store::Store,
    sweep::Sweep,
};

/// How long a loop that could not pull waits.
const PULL_RETRY: Duration = Duration::from_secs(1);

/// The worker cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The tables could not be brought up to date.
    #[error("the database cannot be migrated")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// The bus holds copies of another ledger.
    #[error(
        "ledger_foreign: EVENTS on this bus is a copy of another ledger than this database holds; use the database \
         that belongs to this bus, or delete the stream EVENTS and run `avanzacast provision`"
    )]
    LedgerForeign,
    /// The service could not be announced.
    #[error(transparent)]
    Serve(Box<dyn std::error::Error + Send + Sync>),
}

/// A running worker; dropped, it leaves the queue group.
#[derive(Debug)]
pub struct Running {
    /// What it knows of ledger and database.
    pub guard: Guard,
    /// Where the process's own commands go.
    pub own: Own,
    committed: Arc<Notify>,
    _served: Vec<Served>,
}

/// Commands that the worker's own process makes, of which nobody waits for an answer. They are applied in one order with
/// all others.
#[derive(Debug, Clone)]
pub struct Own(mpsc::WeakSender<Delivery>);

impl Own {
    /// Hands a command in. Should the process end before it is applied, it is gone.
    pub async fn apply(&self, subject: &'static str, payload: Vec<u8>) {
        if let Some(commands) = self.0.upgrade() {
            drop(commands.send(Delivery::own(subject, payload)).await);
        }
    }
}

/// Starts a worker for a service: migrates, joins the queue group, and runs until the process stops.
///
/// # Errors
/// The database is away or newer than this program, or the bus is closed.
pub async fn run<S: Service>(
    service: Arc<S>,
    store: Store,
    bus: &Bus,
    intake: Option<Intake>,
    life: &Lifecycle,
) -> Result<Running, StartError> {
    store.migrate().await?;
    let (guard, committed) = (Guard::default(), Arc::new(Notify::new()));
    let (cache, dead) = (CacheWriter::new(bus.clone()), DeadLetters::new(bus.clone()));
    let watch = guard.clone().watch(store.clone(), EventsStream::new(bus.clone()), life.stopping());
    life.essential("watching the ledger", watch);

    let (commands, waiting) = mpsc::channel(limits::WAITING);
    let (applied, concluding) = mpsc::channel(limits::APPLIED);
    let batches =
        Batches::new(Arc::clone(&service), store.clone(), guard.clone(), dead.clone(), Arc::clone(&committed), applied);
    let concluder = Concluder::new(Arc::clone(&service), cache.clone(), dead.clone());
    life.essential("concluding commands", concluder.run(concluding));
    life.essential("applying commands", apply(batches, waiting));
    if let Some(intake) = intake {
        life.essential("pulling messages", pull(intake, commands.clone(), guard.clone(), life.stopping()));
    }

    if guard.first_look().await == Standing::Foreign {
        return Err(StartError::LedgerForeign);
    }
    let failed = |error: avanzacast_kit::bus::ServeError| StartError::Serve(Box::new(error));
    let own = Own(commands.downgrade());
    // What nobody asks is not announced.
    let mut served = Vec::new();
    if !S::COMMANDS.is_empty() {
        served.push(serve(bus, S::NAME, S::COMMANDS, commands, life).await.map_err(failed)?);
    }
    if !S::QUERIES.is_empty() {
        let (queries, asked) = mpsc::channel(limits::WAITING);
        life.essential("answering queries", Lookups::new(service, store, cache, dead).run(asked));
        served.push(serve(bus, S::NAME, S::QUERIES, queries, life).await.map_err(failed)?);
    }
    tracing::info!(service = S::NAME, "ready");
    Ok(Running { guard, own, committed, _served: served })
}

/// Relays the ledger beside a running worker, by whichever process.
pub fn relay(store: Store, bus: &Bus, running: &Running, life: &Lifecycle) {
    let Running { guard, committed, .. } = running;
    let relay = Relay::new(store, EventsStream::new(bus.clone()), guard.clone(), Arc::clone(committed));
    life.essential("relaying the ledger", relay.run(life.stopping()));
}

/// Sweeps beside a running worker.
pub fn sweep<S: Sweeps>(service: Arc<S>, store: Store, bus: &Bus, running: &Running, life: &Lifecycle) {
    let Running { guard, committed, .. } = running;
    let sweep = Sweep::new(service, store, guard.clone(), CacheWriter::new(bus.clone()), Arc::clone(committed));
    life.essential("sweeping", sweep.run(life.stopping()));
}

/// Forgets beside a running worker what people were called, when it is older than this.
pub fn retain(keep: Duration, store: Store, running: &Running, life: &Lifecycle) {
    let Running { guard, committed, .. } = running;
    let retention = Retention::new(keep, store, guard.clone(), Arc::clone(committed));
    life.essential("forgetting what is old", retention.run(life.stopping()));
}

/// Batches form by load: one command when idle, many when busy. Ends when nobody can send any more.
async fn apply<S: Service>(mut batches: Batches<S>, mut waiting: mpsc::Receiver<Delivery>) {
    let (mut taken, meter) = (Vec::with_capacity(limits::BATCH), QueueMeter::new(S::NAME, "commands"));
    while waiting.recv_many(&mut taken, limits::BATCH).await > 0 {
        let batch = meter.taken(taken.len(), waiting.len());
        batches.process(std::mem::take(&mut taken)).await;
        batch.done(waiting.len());
    }
}

/// Pulls while there is room and a database.
async fn pull(mut intake: Intake, commands: mpsc::Sender<Delivery>, guard: Guard, stopping: CancellationToken) {
    while !stopping.is_cancelled() {
        let pulled = tokio::select! {
            pulled = pull_once(&mut intake, &commands, &guard) => pulled,
            () = stopping.cancelled() => return,
        };
        if !pulled {
            tokio::time::sleep(PULL_RETRY).await;
        }
    }
}

/// Room first, then the pull: what is taken has a place. A worker without a sound database takes nothing.
async fn pull_once(intake: &mut Intake, commands: &mpsc::Sender<Delivery>, guard: &Guard) -> bool {
    guard.database_back().await;
    if guard.sound().await.is_err() {
        return false;
    }
    let Ok(room) = commands.reserve_many(limits::PULL).await else { return false };
    match intake.pull(limits::PULL).await {
        Ok(deliveries) => {
            for (place, delivery) in room.zip(deliveries) {
                place.send(delivery);
            }
            true
        }
        Err(error) => {
            tracing::warn!(%error, source = std::error::Error::source(&error).map(tracing::field::display),
                "nothing was pulled");
            false
        }
    }
}
