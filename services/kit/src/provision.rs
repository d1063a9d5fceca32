//! Makes what is on the bus: streams, the cache's bucket, consumers. As `admin`, and idempotent.

use std::time::Duration;

use async_nats::jetstream::{
    Context,
    consumer::{AckPolicy, pull},
    context::{CreateStreamError, GetStreamError},
    stream::{Config, ConsumerError, DiscardPolicy, PersistenceMode, RetentionPolicy, StorageType},
};
use avanzacast_schemas::bus::{consumer, stream, subject};

const GIB: i64 = 1024 * 1024 * 1024;
/// 82,000 sessions take 217 MB (measured), and the oldest give way.
const CACHE_MAX_BYTES: i64 = 256 * 1024 * 1024;
const DEAD_MAX_AGE: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// A worker that has not settled a message by then has died or hangs. A batch takes a few seconds at the very most.
const ACK_WAIT: Duration = Duration::from_secs(30);
/// Messages in hand over all workers: some batches' worth.
const MAX_ACK_PENDING: i64 = 1_024;

/// Who takes what from INTAKE.
const INTAKE_CONSUMERS: [(&str, &str); 2] =
    [(consumer::INTAKE_SESSION, subject::TOKEN_REGISTER), (consumer::INTAKE_ROOM, subject::LIVEKIT_ALL)];

/// What the streams are made with.
#[derive(Debug, Clone)]
pub struct Provision {
    /// Which ledger EVENTS copies.
    pub ledger_id: String,
    /// Where an EVENTS made anew begins.
    pub first_sequence: u64,
    /// How far back EVENTS goes.
    pub events_retention: Duration,
    /// How large EVENTS grows.
    pub events_max_bytes: i64,
    /// On how many servers of a cluster a stream is.
    pub replicas: usize,
    /// Whether an EVENTS that copies another ledger is made anew; only right on a server that is ours alone.
    pub replace_foreign: bool,
}

/// The bus is not as it should be.
#[derive(Debug, thiserror::Error)]
pub enum ProvisionError {
    /// EVENTS copies another ledger.
    #[error(
        "ledger_foreign: EVENTS on this bus is a copy of ledger {found}, and this database holds ledger {ours}; use \
         the database that belongs to this bus, or delete the stream EVENTS"
    )]
    LedgerForeign {
        /// Which one, or nothing.
        found: String,
        /// Ours.
        ours: String,
    },
    /// The server refused, or is away.
    #[error("the server refused to make or change a stream")]
    Stream(#[from] CreateStreamError),
    /// The server is away.
    #[error("the server did not find or delete a stream")]
    Get(#[from] GetStreamError),
    /// The server refused, or is away.
    #[error("the server refused a consumer")]
    Consumer(#[from] ConsumerError),
}

/// Makes what is missing, and brings settings up to date. Messages are kept.
///
/// # Errors
/// [`ProvisionError`].
pub async fn provision(jetstream: &Context, spec: &Provision) -> Result<(), ProvisionError> {
    for config in [intake(spec), dead(spec), cache()] {
        jetstream.create_or_update_stream(config).await?;
    }
    let intake = jetstream.get_stream(stream::INTAKE).await?;
    for (name, filter) in INTAKE_CONSUMERS {
        intake.create_consumer(intake_consumer(name, filter)).await?;
    }
    events(jetstream, spec).await
}

/// Every stream as it is made.
pub(crate) fn wanted(spec: &Provision) -> [Config; 4] {
    [events_wanted(spec), intake(spec), dead(spec), cache()]
}

fn events_wanted(spec: &Provision) -> Config {
    Config {
        name: stream::EVENTS.to_owned(),
        subjects: vec![format!("{}>", subject::EVENT_PREFIX)],
        max_age: spec.events_retention,
        max_bytes: spec.events_max_bytes,
        discard: DiscardPolicy::Old,
        storage: StorageType::File,
        num_replicas: spec.replicas,
        allow_direct: true,
        first_sequence: Some(spec.first_sequence),
        // It can be refilled from the ledger, so it need not sync each write; a cluster has no such mode.
        persist_mode: (spec.replicas == 1).then_some(PersistenceMode::Async),
        metadata: [(stream::LEDGER_ID.to_owned(), spec.ledger_id.clone())].into(),
        ..Config::default()
    }
}

async fn events(jetstream: &Context, spec: &Provision) -> Result<(), ProvisionError> {
    let mut wanted = events_wanted(spec);
    let Ok(existing) = jetstream.get_stream(stream::EVENTS).await else {
        jetstream.create_stream(wanted).await?;
        return Ok(());
    };
    let info = existing.cached_info();
    let found = info.config.metadata.get(stream::LEDGER_ID).cloned().unwrap_or_default();
    if found != spec.ledger_id {
        if !spec.replace_foreign {
            return Err(ProvisionError::LedgerForeign { found, ours: spec.ledger_id.clone() });
        }
        jetstream.delete_stream(stream::EVENTS).await?;
        jetstream.create_stream(wanted).await?;
        return Ok(());
    }
    // What a stream was made with stays.
    wanted.first_sequence = info.config.first_sequence;
    wanted.persist_mode = info.config.persist_mode;
    wanted.metadata.extend(info.config.metadata.clone());
    jetstream.update_stream(wanted).await?;
    Ok(())
}

fn intake(spec: &Provision) -> Config {
    Config {
        name: stream::INTAKE.to_owned(),
        subjects: vec![subject::TOKEN_REGISTER.to_owned(), subject::LIVEKIT_ALL.to_owned()],
        retention: RetentionPolicy::WorkQueue,
        max_bytes: GIB,
        // A full queue says so to the sender; it never forgets what it took.
        discard: DiscardPolicy::New,
        storage: StorageType::File,
        num_replicas: spec.replicas,
        ..Config::default()
    }
}

fn intake_consumer(name: &str, filter: &str) -> pull::Config {
    pull::Config {
        durable_name: Some(name.to_owned()),
        filter_subject: filter.to_owned(),
        ack_policy: AckPolicy::Explicit,
        ack_wait: ACK_WAIT,
        max_ack_pending: MAX_ACK_PENDING,
        // A message that is not applied is not forgotten: what can never work is buried by the worker.
        max_deliver: -1,
        ..pull::Config::default()
    }
}

fn dead(spec: &Provision) -> Config {
    Config {
        name: stream::DEAD.to_owned(),
        subjects: vec![format!("{}>", subject::DEAD_PREFIX)],
        max_age: DEAD_MAX_AGE,
        max_bytes: GIB,
        discard: DiscardPolicy::Old,
        storage: StorageType::File,
        num_replicas: spec.replicas,
        ..Config::default()
    }
}

fn cache() -> Config {
    Config {
        name: stream::KV_SESSIONS.to_owned(),
        subjects: vec![format!("{}*", subject::SESSION_CACHE_PREFIX)],
        max_messages_per_subject: 1,
        max_bytes: CACHE_MAX_BYTES,
        discard: DiscardPolicy::Old,
        storage: StorageType::Memory,
        num_replicas: 1,
        allow_direct: true,
        allow_rollup: true,
        allow_message_ttl: true,
        ..Config::default()
    }
}
