//! `avanzacast edge`: the HTTP edge alone, with its own credential and no other.

use avanzacast_edge::Bound;
use avanzacast_kit::{
    bus::Bus,
    config::{BusConfig, HttpConfig, MetricsConfig, Mode, Variables},
    lifecycle::Lifecycle,
};
use avanzacast_schemas::bus::BusUser;

use super::{Failure, measure};

/// What the edge is configured with.
pub(crate) struct Configured {
    pub(crate) mode: Mode,
    pub(crate) bus: BusConfig,
    http: HttpConfig,
    metrics: MetricsConfig,
}

/// Reads it; what is wrong is noted in `variables`.
pub(crate) fn configure(variables: &mut Variables) -> Configured {
    let mode = Mode::of_role(variables);
    Configured {
        mode,
        http: HttpConfig::read(variables, mode),
        bus: BusConfig::read(variables, BusUser::Edge),
        metrics: MetricsConfig::read(variables, mode),
    }
}

pub(crate) async fn run() -> Result<bool, Failure> {
    let mut variables = Variables::from_process();
    let Configured { mode: _, bus, http, metrics } = configure(&mut variables);
    variables.finish()?;

    let life = Lifecycle::until_signal()?;
    let bound = Bound::bind(&http).await?;
    measure::start(&metrics, &life).await?;
    let bus = Bus::connect(&bus, "edge").await?;
    bound.serve(bus.clone(), &life).await?;
    let clean = life.run().await;
    bus.close().await;
    Ok(clean)
}
