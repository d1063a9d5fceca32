//! What LiveKit told us: applied once, in any order of arrival.
//!
//! Webhooks of one stay can come in any order, and a stay's end before its beginning. Each says something that stays
//! true, so each fills in its part of the row, and is an event when that part was not known yet.

use avanzacast_kit::time;
use avanzacast_schemas::{
    Actor, ActorKind, Event, ParticipantJoined, ParticipantLeft, PresenceSource, RoomFinished, RoomStarted,
};
use avanzacast_worker::{Decision, Moment};
use serde::{Deserialize, Serialize};

use crate::{
    facts::{Fact, RoomFact, StayFact},
    rows::{Room, Stay},
    state::Presence,
};

/// How long somebody may be in a room before their token's registration is known here: it may wait in a stream beside the
/// webhook, and the two are taken by different workers.
const REGISTRATION_MS: i64 = 10_000;

/// Rooms and stays are forgotten a week after their end, as sessions are.
const FORGET_MS: i64 = 7 * 24 * 60 * 60 * 1000;

/// What the inbox keeps: that it was done is all there is to say.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Record {}

pub(crate) fn decide(presence: &mut Presence, fact: &Fact, moment: &mut Moment<'_>) -> Decision {
    let source = PresenceSource::Webhook;
    let event = match fact {
        Fact::Started(room) => started(presence, room, source),
        Fact::Finished(room) => finished(presence, room, source, moment),
        Fact::Joined(stay) => joined(presence, stay, source, moment),
        Fact::Left(stay) => left(presence, stay, source, moment),
        Fact::Aborted(stay) => {
            aborted(presence, stay, moment);
            None
        }
    };
    Decision::done(event.into_iter().collect(), &Record {})
}

pub(crate) fn started(presence: &mut Presence, fact: &RoomFact, source: PresenceSource) -> Option<Event> {
    let mut room = known_room(presence, fact);
    room.started_at.is_none().then(|| {
        room.started_at = Some(fact.at);
        presence.rooms.put(room);
        Event::RoomStarted(RoomStarted {
            actor: Actor::of(ActorKind::Livekit),
            room: fact.name.clone(),
            room_sid: fact.sid.clone(),
            at: time::rfc3339(fact.at),
            source,
        })
    })
}

pub(crate) fn finished(
    presence: &mut Presence,
    fact: &RoomFact,
    source: PresenceSource,
    moment: &Moment<'_>,
) -> Option<Event> {
    let mut room = known_room(presence, fact);
    room.finished_at.is_none().then(|| {
        (room.finished_at, room.forget_at) = (Some(fact.at), Some(moment.now + FORGET_MS));
        presence.rooms.put(room);
        Event::RoomFinished(RoomFinished {
            actor: Actor::of(ActorKind::Livekit),
            room: fact.name.clone(),
            room_sid: fact.sid.clone(),
            at: time::rfc3339(fact.at),
            source,
        })
    })
}

fn known_room(presence: &Presence, fact: &RoomFact) -> Room {
    presence.rooms.get(&fact.sid).cloned().unwrap_or_else(|| Room {
        sid: fact.sid.clone(),
        name: fact.name.clone(),
        started_at: None,
        finished_at: None,
        forget_at: None,
    })
}

pub(crate) fn joined(
    presence: &mut Presence,
    fact: &StayFact,
    source: PresenceSource,
    moment: &mut Moment<'_>,
) -> Option<Event> {
    let mut stay = known_stay(presence, fact, moment);
    stay.joined_at.is_none().then(|| {
        stay.joined_at = Some(fact.at);
        stay.report_at = (stay.known == 0).then_some(moment.now + REGISTRATION_MS);
        presence.stays.put(stay.clone());
        Event::ParticipantJoined(ParticipantJoined {
            actor: Actor::of(ActorKind::Livekit),
            room: stay.room,
            room_sid: stay.room_sid,
            sid: stay.sid,
            participant: stay.participant,
            identity_hash: stay.identity_hash,
            joined_at: time::rfc3339(fact.at),
            source,
        })
    })
}

pub(crate) fn left(
    presence: &mut Presence,
    fact: &StayFact,
    source: PresenceSource,
    moment: &mut Moment<'_>,
) -> Option<Event> {
    let mut stay = known_stay(presence, fact, moment);
    stay.left_at.is_none().then(|| {
        (stay.left_at, stay.forget_at) = (Some(fact.at), Some(moment.now + FORGET_MS));
        presence.stays.put(stay.clone());
        Event::ParticipantLeft(ParticipantLeft {
            actor: Actor::of(ActorKind::Livekit),
            room: stay.room,
            room_sid: stay.room_sid,
            sid: stay.sid,
            participant: stay.participant,
            identity_hash: stay.identity_hash,
            left_at: time::rfc3339(fact.at),
            reason: fact.reason.clone(),
            source,
        })
    })
}

/// Somebody was connected and never in the room. That is no stay, but it is a moment at which LiveKit may have handed
/// them a fresh token.
fn aborted(presence: &mut Presence, fact: &StayFact, moment: &mut Moment<'_>) {
    let mut stay = known_stay(presence, fact, moment);
    if stay.left_at.is_none() {
        (stay.left_at, stay.report_at, stay.forget_at) = (Some(fact.at), None, Some(moment.now + FORGET_MS));
        presence.stays.put(stay);
    }
}

fn known_stay(presence: &mut Presence, fact: &StayFact, moment: &mut Moment<'_>) -> Stay {
    match presence.stays.get(&fact.sid) {
        Some(stay) => stay.clone(),
        None => presence.stay(fact, moment),
    }
}
