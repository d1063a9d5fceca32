//! `cmd.broadcast.start`: a broadcast goes live, once.

use avanzacast_kit::time;
use avanzacast_schemas::{Actor, BroadcastStarted, BroadcastStatus, Code, Event, Refusal, RoomName, StartBroadcast};
use avanzacast_worker::{Decision, Moment};

use super::Changed;
use crate::state::Studio;

pub(crate) fn decide(
    studio: &mut Studio,
    command: StartBroadcast,
    actor: &Actor,
    moment: &Moment<'_>,
) -> Result<Decision, Refusal> {
    let mut broadcast = studio.broadcast(command.id).ok_or(Code::BroadcastNotFound)?.clone();
    if broadcast.status != BroadcastStatus::Created {
        let status = broadcast.status.as_str();
        let detail = format!("the broadcast is {status}; one is started that is created");
        return Err(Refusal::new(Code::BroadcastState, detail));
    }
    (broadcast.status, broadcast.started_at) = (BroadcastStatus::Live, Some(moment.now));
    let event = Event::BroadcastStarted(BroadcastStarted {
        actor: actor.clone(),
        broadcast: broadcast.id,
        room: RoomName::of_broadcast(broadcast.id),
        at: time::rfc3339(moment.now),
    });
    let record = Changed { status: broadcast.status };
    studio.update_broadcast(broadcast);
    Ok(Decision::done(vec![event], &record))
}
