//! `avanzacast worker`: all workers in one process, each with its own credentials on the bus.

use avanzacast_kit::{
    bus::Bus,
    config::{BusConfig, Variables},
    lifecycle::Lifecycle,
};
use avanzacast_schemas::bus::BusUser;

use super::{
    Failure,
    audit_worker::{self, AuditSettings},
    measure, room_worker,
    session_worker::{self, Configured},
    studio_worker,
};

pub(crate) async fn run() -> Result<bool, Failure> {
    let mut variables = Variables::from_process();
    let Configured { mode: _, settings, bus, metrics } = session_worker::configure(&mut variables);
    let studio = BusConfig::read(&mut variables, BusUser::Studio);
    let room = BusConfig::read(&mut variables, BusUser::Room);
    let audit = BusConfig::read(&mut variables, BusUser::AuditWorker);
    let kept = AuditSettings::read(&mut variables);
    variables.finish()?;

    let life = Lifecycle::until_signal()?;
    measure::start(&metrics, &life).await?;
    let session = Bus::connect(&bus, "session-worker").await?;
    let studio = Bus::connect(&studio, "studio-worker").await?;
    let room = Bus::connect(&room, "room-worker").await?;
    let audit = Bus::connect(&audit, "audit-worker").await?;
    let _studio = studio_worker::start(settings.database.clone(), &studio, &life).await?;
    let _room = room_worker::start(settings.database.clone(), &settings.livekit, &room, &life).await?;
    let _keeper = audit_worker::start(settings.database.clone(), kept, &audit, &life).await?;
    let _session = session_worker::start(settings, &session, &life).await?;
    let clean = life.run().await;
    for bus in [audit, room, studio, session] {
        bus.close().await;
    }
    Ok(clean)
}
