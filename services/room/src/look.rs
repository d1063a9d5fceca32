//! What we found when we asked LiveKit, where it was otherwise than the webhooks had said.

use avanzacast_kit::{metrics, time};
use avanzacast_schemas::{Actor, ActorKind, Event, PresenceGap, PresenceSource};
use avanzacast_worker::{Decision, Moment};
use serde::{Deserialize, Serialize};

use crate::{
    facts::{RoomFact, StayFact},
    state::Presence,
    webhook,
};

/// A pause between two looks that is longer than this is a time of which we do not know everything, even if nothing is
/// found to be otherwise: somebody may have come and gone. Three looks.
const BLIND_MS: i64 = 90_000;

/// The differences, each seen twice, some seconds apart.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Look {
    /// When LiveKit was asked: Unix milliseconds, by the database's clock.
    pub(crate) at: i64,
    /// Rooms that exist, and were not known.
    pub(crate) started: Vec<RoomFact>,
    /// Rooms that are gone.
    pub(crate) finished: Vec<RoomFact>,
    /// Stays that were not known.
    pub(crate) joined: Vec<StayFact>,
    /// Stays that are over.
    pub(crate) left: Vec<StayFact>,
    /// Whether there was more than one look takes: then we still do not know.
    pub(crate) more: bool,
}

pub(crate) fn decide(presence: &mut Presence, look: &Look, moment: &mut Moment<'_>) -> Decision {
    let source = PresenceSource::Reconciliation;
    let started: Vec<_> = look.started.iter().filter_map(|room| webhook::started(presence, room, source)).collect();
    let mut joined = Vec::new();
    for stay in &look.joined {
        // Who has left since has come and gone, and webhooks have said so or will.
        if presence.stays.get(&stay.sid).is_none_or(|known| known.left_at.is_none()) {
            joined.extend(webhook::joined(presence, stay, source, moment));
        }
    }
    let mut left = Vec::new();
    for stay in &look.left {
        left.extend(webhook::left(presence, stay, source, moment));
    }
    let finished: Vec<_> =
        look.finished.iter().filter_map(|room| webhook::finished(presence, room, source, moment)).collect();
    let [joins, leaves, starts, finishes] = [&joined, &left, &started, &finished].map(Vec::len);
    let gap = gap(presence.known_at(), look.at, [joins, leaves, starts, finishes]);
    if !look.more {
        presence.know(look.at);
    }
    let events = [started, joined, left, finished].into_iter().flatten().chain(gap).collect();
    Decision::done(events, &Repaired { joined: joins, left: leaves, started: starts, finished: finishes })
}

/// What a look put right, as it is kept of it.
#[derive(Serialize, Deserialize)]
pub(crate) struct Repaired {
    joined: usize,
    left: usize,
    started: usize,
    finished: usize,
}

impl Repaired {
    /// Says so, once it is written.
    pub(crate) fn tell(&self) {
        let Self { joined, left, started, finished } = *self;
        let all = joined + left + started + finished;
        metrics::room().presence_repairs.increment(u64::try_from(all).unwrap_or(u64::MAX));
        if all > 0 {
            tracing::warn!(
                joined,
                left,
                started,
                finished,
                "webhooks were lost; what they would have said is put right"
            );
        }
    }
}

/// The time of which we did not know everything, if there was one. Before the first look there is nothing to miss.
fn gap(known_at: Option<i64>, at: i64, found: [usize; 4]) -> Option<Event> {
    let from = known_at?;
    if found.iter().all(|count| *count == 0) && at - from <= BLIND_MS {
        return None;
    }
    let [joined, left, started, finished] = found.map(|count| u32::try_from(count).unwrap_or(u32::MAX));
    Some(Event::PresenceGap(PresenceGap {
        actor: Actor::of(ActorKind::Livekit),
        from: time::rfc3339(from),
        to: time::rfc3339(at),
        joined,
        left,
        started,
        finished,
    }))
}
