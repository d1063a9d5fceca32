//! `avanzacast provision`: the tables, then the streams that copy them.

use std::time::Duration;

use avanzacast_kit::{
    bus::{Bus, EventsStream},
    config::{BusConfig, DatabaseConfig, Variables},
    provision::{Provision, provision},
};
use avanzacast_schemas::bus::BusUser;
use avanzacast_worker::store::Store;

use super::{Failure, session_worker::data_dir};

/// What the streams are made with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StreamSettings {
    retention: Duration,
    max_bytes: i64,
    replicas: usize,
}

const DAY_S: u64 = 24 * 60 * 60;

impl StreamSettings {
    /// Reads `EVENTS_RETENTION_DAYS` (30), `EVENTS_MAX_MIB` (1024) and `NATS_REPLICAS` (1).
    pub(crate) fn read(variables: &mut Variables) -> Self {
        let days = variables.number("EVENTS_RETENTION_DAYS", 30, 1..=3_650);
        let mib = variables.number("EVENTS_MAX_MIB", 1_024, 1..=1_048_576);
        let replicas = variables.number("NATS_REPLICAS", 1, 1..=5);
        Self {
            retention: Duration::from_secs(u64::from(days) * DAY_S),
            max_bytes: i64::from(mib) * 1024 * 1024,
            replicas: usize::try_from(replicas).unwrap_or(1),
        }
    }
}

/// What provisioning is configured with.
pub(crate) struct Configured {
    pub(crate) database: DatabaseConfig,
    pub(crate) streams: StreamSettings,
    pub(crate) bus: BusConfig,
}

/// Reads it; what is wrong is noted in `variables`.
pub(crate) fn configure(variables: &mut Variables) -> Configured {
    let data_dir = data_dir(variables);
    Configured {
        database: DatabaseConfig::read(variables, &data_dir),
        streams: StreamSettings::read(variables),
        bus: BusConfig::read(variables, BusUser::Admin),
    }
}

impl StreamSettings {
    /// What the streams should be made with, for a ledger of this name.
    pub(crate) fn spec(self, ledger_id: String) -> Provision {
        Provision {
            ledger_id,
            first_sequence: 1,
            events_retention: self.retention,
            events_max_bytes: self.max_bytes,
            replicas: self.replicas,
            replace_foreign: false,
        }
    }
}

pub(crate) async fn run() -> Result<bool, Failure> {
    let mut variables = Variables::from_process();
    let Configured { database, streams, bus } = configure(&mut variables);
    variables.finish()?;

    let store = Store::new(database);
    store.migrate().await?;
    let bus = Bus::connect(&bus, "provision").await?;
    make(&store, &bus, streams, false).await?;
    tracing::info!("streams, buckets, consumers and tables are in place");
    Ok(true)
}

/// Makes what is missing. A stream made anew begins where the window does that it is to hold: its sequences are the
/// ledger's.
pub(crate) async fn make(
    store: &Store,
    bus: &Bus,
    streams: StreamSettings,
    replace_foreign: bool,
) -> Result<(), Failure> {
    let mut session = store.connect().await?;
    let ledger_id = session.head().await?.ledger_id;
    // Only a stream that is not there has to be told where it begins.
    let first_sequence = match EventsStream::new(bus.clone()).tail().await? {
        Some(_) if !replace_foreign => 1,
        Some(_) | None => session.first_since(streams.retention).await?,
    };
    let spec = Provision { first_sequence, replace_foreign, ..streams.spec(ledger_id) };
    provision(bus.jetstream(), &spec).await?;
    Ok(())
}
