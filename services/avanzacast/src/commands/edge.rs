//! `avanzacast edge`: the HTTP edge alone, with its own credential and no other.

use avanzacast::livekit_client::Place;
use avanzacast_edge::{Bound, EdgeConfig};
use avanzacast_kit::{
    bus::Bus,
    config::{
        AccessConfig, BrowserConfig, BusConfig, HttpConfig, LiveKitConfig, MetricsConfig, Mode, RateConfig, Variables,
    },
    lifecycle::Lifecycle,
    metrics::Exposition,
};
use avanzacast_schemas::bus::BusUser;

use super::{Failure, livekit_client, measure};

/// What the edge is configured with.
pub(crate) struct Configured {
    pub(crate) mode: Mode,
    pub(crate) edge: EdgeConfig,
    pub(crate) bus: BusConfig,
    pub(crate) client: Option<Place>,
    http: HttpConfig,
    metrics: MetricsConfig,
}

/// Reads it; what is wrong is noted in `variables`.
pub(crate) fn configure(variables: &mut Variables) -> Configured {
    let mode = Mode::of_role(variables);
    let livekit_url = LiveKitConfig::read_address(variables, mode);
    Configured {
        mode,
        edge: read(variables, mode, livekit_url),
        http: HttpConfig::read(variables, mode),
        bus: BusConfig::read(variables, BusUser::Edge),
        client: livekit_client::place(variables),
        metrics: MetricsConfig::read(variables, mode),
    }
}

/// In development measurements are where everything else is; in production only at `METRICS_ADDR`.
pub(crate) fn own_address(mode: Mode, exposition: Exposition) -> Option<Exposition> {
    match mode {
        Mode::Development => Some(exposition),
        Mode::Production => None,
    }
}

pub(crate) async fn run() -> Result<bool, Failure> {
    let mut variables = Variables::from_process();
    let Configured { mode, edge: mut config, bus, http, metrics, .. } = configure(&mut variables);
    variables.finish()?;

    let life = Lifecycle::until_signal()?;
    let bound = Bound::bind(&http).await?;
    config.metrics = own_address(mode, measure::start(&metrics, &life).await?);
    let bus = Bus::connect(&bus, "edge").await?;
    bound.serve(config, bus.clone(), &life).await?;
    let clean = life.run().await;
    bus.close().await;
    Ok(clean)
}

/// What an edge is configured with, for a LiveKit whose HTTP side is known.
pub(crate) fn read(variables: &mut Variables, mode: Mode, livekit_url: String) -> EdgeConfig {
    EdgeConfig {
        access: AccessConfig::read(variables, mode),
        rates: RateConfig::read(variables),
        browsers: BrowserConfig::read(variables, mode),
        livekit_url,
        metrics: None,
    }
}
