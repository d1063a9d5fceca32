//! `avanzacast audit-worker`: the audit worker alone, with its own credentials and no other.

use std::{path::PathBuf, time::Duration};

use avanzacast_audit::{
    keeper::{self, Keeper, KeeperConfig, KeeperError, KeysConfig, OutsideConfig, SigningConfig, UnnamedError},
    log::{KeyringError, Origin},
};
use avanzacast_kit::{
    Secret,
    bus::Bus,
    config::{BusConfig, DatabaseConfig, MetricsConfig, Mode, Variables},
    lifecycle::Lifecycle,
};
use avanzacast_schemas::bus::BusUser;
use avanzacast_worker::store::Store;

use super::{Failure, log_name, measure, operator::Usage, session_worker::data_dir};

/// How often a ledger that grows a little is signed, in seconds.
const EVERY: u32 = 60;

/// How the ledger is kept, as it is configured.
#[derive(Debug, Clone)]
pub(crate) struct AuditSettings {
    origin: Option<Origin>,
    signing_key: Option<Secret>,
    data_dir: PathBuf,
    every: Duration,
    outside: OutsideConfig,
}

impl AuditSettings {
    /// Reads it; what is wrong is noted in `variables`.
    pub(crate) fn read(variables: &mut Variables) -> Self {
        let url = variables.text("AUDIT_CHECKPOINT_URL");
        if url.as_deref().is_some_and(|url| !url.starts_with("https://") && !url.starts_with("http://")) {
            variables.problem("AUDIT_CHECKPOINT_URL must be an http or https address");
        }
        Self {
            origin: log_name::origin(variables),
            signing_key: log_name::signing_key(variables),
            data_dir: data_dir(variables),
            every: Duration::from_secs(variables.number("AUDIT_CHECKPOINT_SECONDS", EVERY, 1..=86_400).into()),
            outside: OutsideConfig { file: variables.text("AUDIT_CHECKPOINT_FILE").map(PathBuf::from), url },
        }
    }
}

/// What the role alone is configured with.
pub(crate) struct Configured {
    pub(crate) mode: Mode,
    pub(crate) database: DatabaseConfig,
    settings: AuditSettings,
    pub(crate) bus: BusConfig,
    metrics: MetricsConfig,
}

/// Reads it; what is wrong is noted in `variables`.
pub(crate) fn configure(variables: &mut Variables) -> Configured {
    let mode = Mode::of_role(variables);
    let data_dir = data_dir(variables);
    Configured {
        mode,
        database: DatabaseConfig::read_shared(variables, &data_dir),
        settings: AuditSettings::read(variables),
        bus: BusConfig::read(variables, BusUser::AuditWorker),
        metrics: MetricsConfig::read(variables, mode),
    }
}

pub(crate) async fn run() -> Result<bool, Failure> {
    let mut variables = Variables::from_process();
    let Configured { mode: _, database, settings, bus, metrics } = configure(&mut variables);
    variables.finish()?;

    let life = Lifecycle::until_signal()?;
    measure::start(&metrics, &life).await?;
    let bus = Bus::connect(&bus, "audit-worker").await?;
    let _keeper = start(database, settings, &bus, &life).await?;
    let clean = life.run().await;
    bus.close().await;
    Ok(clean)
}

/// Starts the worker's loops.
pub(crate) async fn start(
    database: DatabaseConfig,
    settings: AuditSettings,
    bus: &Bus,
    life: &Lifecycle,
) -> Result<Keeper, Failure> {
    let store = Store::new(database);
    store.migrate().await?;
    let AuditSettings { origin, signing_key, data_dir, every, outside } = settings;
    let keys = KeysConfig { origin, signing_key, data_dir };
    let signing = SigningConfig { every, file: outside.file.clone() };
    keeper::start(store, KeeperConfig { keys, signing, outside }, bus, life).await.map_err(|error| match error {
        KeeperError::Unnamed(UnnamedError::Earlier(_) | UnnamedError::Keys(KeyringError::Foreign(_))) => {
            Usage(error.to_string()).into()
        }
        KeeperError::Unnamed(_) | KeeperError::Worker(_) | KeeperError::Serve(_) => error.into(),
    })
}
