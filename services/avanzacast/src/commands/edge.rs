//! `avanzacast edge`: the HTTP edge alone, with its own credential and no other.

use avanzacast_edge::{Bound, EdgeConfig};
use avanzacast_kit::{
    bus::Bus,
    config::{AccessConfig, BrowserConfig, BusConfig, HttpConfig, LiveKitConfig, Mode, RateConfig, Variables},
    lifecycle::Lifecycle,
};
use avanzacast_schemas::bus::BusUser;

use super::Failure;

pub(crate) async fn run() -> Result<bool, Failure> {
    let mut variables = Variables::from_process();
    let mode = Mode::of_role(&mut variables);
    let http = HttpConfig::read(&mut variables, mode);
    let livekit_url = LiveKitConfig::read_address(&mut variables, mode);
    let config = read(&mut variables, mode, livekit_url);
    let bus = BusConfig::read(&mut variables, BusUser::Edge);
    variables.finish()?;

    let life = Lifecycle::until_signal()?;
    let bound = Bound::bind(&http).await?;
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
    }
}
