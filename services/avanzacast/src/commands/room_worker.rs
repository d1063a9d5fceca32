//! `avanzacast room-worker`: the room worker alone, with its own credentials and no other.

use std::sync::Arc;

use avanzacast_kit::{
    bus::{Bus, Intake, Served, announce},
    config::{BusConfig, DatabaseConfig, LiveKitConfig, MetricsConfig, Mode, Variables},
    lifecycle::Lifecycle,
};
use avanzacast_livekit::RoomService as LiveKitRooms;
use avanzacast_room::{Reconciler, RoomReactor, RoomService};
use avanzacast_schemas::bus::{BusUser, consumer, group, stream};
use avanzacast_worker::{Follower, Reacting, Running, store::Store};

use super::{Failure, measure, session_worker::data_dir};

/// What the role alone is configured with.
pub(crate) struct Configured {
    pub(crate) mode: Mode,
    pub(crate) database: DatabaseConfig,
    pub(crate) livekit: LiveKitConfig,
    pub(crate) bus: BusConfig,
    metrics: MetricsConfig,
}

/// Keeps the worker announced.
pub(crate) struct Started {
    _running: Running,
    _announced: Served,
}

/// Reads it; what is wrong is noted in `variables`.
pub(crate) fn configure(variables: &mut Variables) -> Configured {
    let mode = Mode::of_role(variables);
    let data_dir = data_dir(variables);
    Configured {
        mode,
        database: DatabaseConfig::read_shared(variables, &data_dir),
        livekit: LiveKitConfig::read(variables, mode),
        bus: BusConfig::read(variables, BusUser::Room),
        metrics: MetricsConfig::read(variables, mode),
    }
}

pub(crate) async fn run() -> Result<bool, Failure> {
    let mut variables = Variables::from_process();
    let Configured { mode: _, database, livekit, bus, metrics } = configure(&mut variables);
    variables.finish()?;

    let life = Lifecycle::until_signal()?;
    measure::start(&metrics, &life).await?;
    let bus = Bus::connect(&bus, "room-worker").await?;
    let _running = start(database, &livekit, &bus, &life).await?;
    let clean = life.run().await;
    bus.close().await;
    Ok(clean)
}

/// Starts the worker's loops. A session worker relays what it writes.
pub(crate) async fn start(
    database: DatabaseConfig,
    livekit: &LiveKitConfig,
    bus: &Bus,
    life: &Lifecycle,
) -> Result<Started, Failure> {
    let (service, store) = (Arc::new(RoomService), Store::new(database));
    let intake = Intake::new(bus.clone(), stream::INTAKE, consumer::INTAKE_ROOM);
    let running = avanzacast_worker::run(Arc::clone(&service), store.clone(), bus, Some(intake), life).await?;
    avanzacast_worker::sweep(service, store.clone(), bus, &running, life);
    let reactor = Arc::new(RoomReactor::new(LiveKitRooms::new(livekit)));
    let follower = Follower::new(Reacting(reactor), store.clone(), running.guard.clone(), bus);
    let (guard, own, leading) = (running.guard.clone(), running.own.clone(), follower.leading());
    let reconciler = Reconciler::new(LiveKitRooms::new(livekit), store, guard, own, leading);
    life.essential("following events", follower.run(life.stopping()));
    life.essential("asking who is where", reconciler.run(life.stopping()));
    Ok(Started { _announced: announce(bus, group::ROOM).await?, _running: running })
}
