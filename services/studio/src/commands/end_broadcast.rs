//! `cmd.broadcast.end`: a broadcast that is live is over, for good.

use avanzacast_kit::time;
use avanzacast_schemas::{Actor, BroadcastEnded, BroadcastStatus, Code, EndBroadcast, Event, Refusal, RoomName};
use avanzacast_worker::{Decision, Moment};

use super::Changed;
use crate::state::Studio;

pub(crate) fn decide(
    studio: &mut Studio,
    command: EndBroadcast,
    actor: &Actor,
    moment: &Moment<'_>,
) -> Result<Decision, Refusal> {
    let mut broadcast = studio.broadcast(command.id).ok_or(Code::BroadcastNotFound)?.clone();
    if broadcast.status != BroadcastStatus::Live {
        let detail = format!("the broadcast is {}; one is ended that is live", broadcast.status.as_str());
        return Err(Refusal::new(Code::BroadcastState, detail));
    }
    (broadcast.status, broadcast.ended_at) = (BroadcastStatus::Ended, Some(moment.now));
    let event = Event::BroadcastEnded(BroadcastEnded {
        actor: actor.clone(),
        broadcast: broadcast.id,
        room: RoomName::of_broadcast(broadcast.id),
        at: time::rfc3339(moment.now),
    });
    let record = Changed { status: broadcast.status };
    studio.update_broadcast(broadcast);
    Ok(Decision::done(vec![event], &record))
}
