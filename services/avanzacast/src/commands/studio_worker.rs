//! `avanzacast studio-worker`: the studio worker alone, with its own credentials and no other.

use std::sync::Arc;

use avanzacast_kit::{
    bus::Bus,
    config::{BusConfig, DatabaseConfig, MetricsConfig, Mode, Variables},
    lifecycle::Lifecycle,
};
use avanzacast_schemas::bus::BusUser;
use avanzacast_studio::StudioService;
use avanzacast_worker::{Running, store::Store};

use super::{Failure, measure, session_worker::data_dir};

/// What the role alone is configured with.
pub(crate) struct Configured {
    pub(crate) mode: Mode,
    pub(crate) database: DatabaseConfig,
    pub(crate) bus: BusConfig,
    metrics: MetricsConfig,
}

/// Reads it; what is wrong is noted in `variables`.
pub(crate) fn configure(variables: &mut Variables) -> Configured {
    let mode = Mode::of_role(variables);
    let data_dir = data_dir(variables);
    let database = DatabaseConfig::read_shared(variables, &data_dir);
    let bus = BusConfig::read(variables, BusUser::Studio);
    Configured { mode, database, bus, metrics: MetricsConfig::read(variables, mode) }
}

pub(crate) async fn run() -> Result<bool, Failure> {
    let mut variables = Variables::from_process();
    let Configured { mode: _, database, bus, metrics } = configure(&mut variables);
    variables.finish()?;

    let life = Lifecycle::until_signal()?;
    measure::start(&metrics, &life).await?;
    let bus = Bus::connect(&bus, "studio-worker").await?;
    let _running = start(database, &bus, &life).await?;
    let clean = life.run().await;
    bus.close().await;
    Ok(clean)
}

/// Starts the worker's loops. Nothing of it ends by time alone, and a session worker relays for all, so it keeps no
/// house.
pub(crate) async fn start(database: DatabaseConfig, bus: &Bus, life: &Lifecycle) -> Result<Running, Failure> {
    Ok(avanzacast_worker::run(Arc::new(StudioService), Store::new(database), bus, None, life).await?)
}
