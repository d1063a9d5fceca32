//! `avanzacast edge`: the HTTP edge alone, with its own credential and no other.

use avanzacast::livekit_client::Place;
use avanzacast_edge::{Bound, EdgeConfig, LiveKitClient};
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
    let livekit = LiveKitConfig::read_addresses(variables, mode);
    Configured {
        mode,
        edge: read(variables, mode, livekit),
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
    let Configured { mode, edge: mut config, bus, client, http, metrics } = configure(&mut variables);
    variables.finish()?;

    let life = Lifecycle::until_signal()?;
    let bound = Bound::bind(&http).await?;
    config.metrics = own_address(mode, measure::start(&metrics, &life).await?);
    livekit_client::keep(client, false, &config.client, &life);
    let bus = Bus::connect(&bus, "edge").await?;
    bound.serve(config, bus.clone(), &life).await?;
    let clean = life.run().await;
    bus.close().await;
    Ok(clean)
}

/// What an edge is configured with, for a LiveKit that is known: its address for browsers, and its HTTP side.
pub(crate) fn read(variables: &mut Variables, mode: Mode, livekit: (String, String)) -> EdgeConfig {
    let (livekit_ws_url, livekit_url) = livekit;
    EdgeConfig {
        access: AccessConfig::read(variables, mode),
        rates: RateConfig::read(variables),
        browsers: BrowserConfig::read(variables, mode),
        livekit_ws_url,
        livekit_url,
        client: LiveKitClient::default(),
        metrics: None,
    }
}
