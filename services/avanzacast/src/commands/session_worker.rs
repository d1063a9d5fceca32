//! `avanzacast session-worker`: the session worker alone, with its own credentials and no other.

use std::{path::PathBuf, sync::Arc};

use avanzacast_kit::{
    bus::{Bus, Intake, Served, watch_advisories},
    config::{BusConfig, DatabaseConfig, Links, LiveKitConfig, MetricsConfig, Mode, SessionLimits, Variables},
    lifecycle::Lifecycle,
};
use avanzacast_schemas::bus::{BusUser, consumer, stream};
use avanzacast_session::{Rules, SessionService, dead, health, scrub, webhook};
use avanzacast_worker::{Running, store::Store};

use super::{Failure, measure};

/// What a session worker is configured with.
pub(crate) struct Settings {
    pub(crate) database: DatabaseConfig,
    pub(crate) livekit: LiveKitConfig,
    pub(crate) limits: SessionLimits,
    pub(crate) links: Links,
}

/// Keeps the worker in the queue group.
pub(crate) struct Started {
    _running: Running,
    _health: Served,
    _webhooks: Served,
    _dead: Served,
}

/// Where files of this machine lie.
pub(crate) fn data_dir(variables: &Variables) -> PathBuf {
    PathBuf::from(variables.text("DATA_DIR").unwrap_or_else(|| "./data".to_owned()))
}

/// What the role alone is configured with.
pub(crate) struct Configured {
    pub(crate) mode: Mode,
    pub(crate) settings: Settings,
    pub(crate) bus: BusConfig,
    pub(crate) metrics: MetricsConfig,
}

/// Reads it; what is wrong is noted in `variables`.
pub(crate) fn configure(variables: &mut Variables) -> Configured {
    let mode = Mode::of_role(variables);
    let data_dir = data_dir(variables);
    let port = variables.parse("PORT", 4000, "a port from 0 to 65535");
    let settings = Settings {
        database: DatabaseConfig::read_shared(variables, &data_dir),
        livekit: LiveKitConfig::read(variables, mode),
        limits: SessionLimits::read(variables),
        links: Links::read(variables, mode, port),
    };
    let bus = BusConfig::read(variables, BusUser::Session);
    Configured { mode, settings, bus, metrics: MetricsConfig::read(variables, mode) }
}

pub(crate) async fn run() -> Result<bool, Failure> {
    let mut variables = Variables::from_process();
    let Configured { mode: _, settings, bus, metrics } = configure(&mut variables);
    variables.finish()?;

    let life = Lifecycle::until_signal()?;
    measure::start(&metrics, &life).await?;
    let bus = Bus::connect(&bus, "session-worker").await?;
    let _started = start(settings, &bus, &life).await?;
    let clean = life.run().await;
    bus.close().await;
    Ok(clean)
}

/// Starts the worker's loops.
pub(crate) async fn start(settings: Settings, bus: &Bus, life: &Lifecycle) -> Result<Started, Failure> {
    let livekit_url = settings.livekit.http_url.clone();
    let person_retention = settings.limits.person_retention();
    let service = Arc::new(SessionService::new(Rules::new(&settings.livekit, settings.limits, settings.links)));
    let intake = Intake::new(bus.clone(), stream::INTAKE, consumer::INTAKE_SESSION);
    let store = Store::new(settings.database);
    let running = avanzacast_worker::run(Arc::clone(&service), store.clone(), bus, Some(intake), life).await?;
    avanzacast_worker::relay(store.clone(), bus, &running, life);
    scrub::scrub(store.clone(), bus, life);
    if let Some(keep) = person_retention {
        avanzacast_worker::retain(keep, store.clone(), &running, life);
    }
    avanzacast_worker::sweep(service, store, bus, &running, life);
    watch_advisories(bus, life).await?;
    let health = health::serve_health(bus, running.guard.clone(), livekit_url, life).await?;
    let webhooks = webhook::serve_webhooks(bus, &settings.livekit, life).await?;
    let dead = dead::serve_dead(bus, life).await?;
    Ok(Started { _running: running, _health: health, _webhooks: webhooks, _dead: dead })
}
