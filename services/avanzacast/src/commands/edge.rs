//! `avanzacast edge`: the HTTP edge alone, with its own credential and no other.

use avanzacast_edge::Bound;
use avanzacast_kit::{
    bus::Bus,
    config::{BusConfig, HttpConfig, Mode, Variables},
    lifecycle::Lifecycle,
};
use avanzacast_schemas::bus::BusUser;

use super::Failure;

pub(crate) async fn run() -> Result<bool, Failure> {
    let mut variables = Variables::from_process();
    let mode = Mode::of_role(&mut variables);
    let http = HttpConfig::read(&mut variables, mode);
    let bus = BusConfig::read(&mut variables, BusUser::Edge);
    variables.finish()?;

    let life = Lifecycle::until_signal()?;
    let bound = Bound::bind(&http).await?;
    let bus = Bus::connect(&bus, "edge").await?;
    bound.serve(bus.clone(), &life).await?;
    let clean = life.run().await;
    bus.close().await;
    Ok(clean)
}
