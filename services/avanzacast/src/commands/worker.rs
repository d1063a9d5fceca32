//! `avanzacast worker`: all workers in one process, each with its own credentials on the bus.

use avanzacast_kit::{
    bus::Bus,
    config::{BusConfig, Variables},
    lifecycle::Lifecycle,
};
use avanzacast_schemas::bus::BusUser;

use super::{
    Failure,
    session_worker::{self, Settings},
    studio_worker,
};

pub(crate) async fn run() -> Result<bool, Failure> {
    let mut variables = Variables::from_process();
    let settings = Settings::read(&mut variables);
    let session = BusConfig::read(&mut variables, BusUser::Session);
    let studio = BusConfig::read(&mut variables, BusUser::Studio);
    variables.finish()?;

    let life = Lifecycle::until_signal()?;
    let session = Bus::connect(&session, "session-worker").await?;
    let studio = Bus::connect(&studio, "studio-worker").await?;
    let _studio = studio_worker::start(settings.database.clone(), &studio, &life).await?;
    let _session = session_worker::start(settings, &session, &life).await?;
    let clean = life.run().await;
    studio.close().await;
    session.close().await;
    Ok(clean)
}
