//! What events come to: doors (sessions, and tokens without one) and stays in rooms.

use std::collections::BTreeMap;

use avanzacast_schemas::{
    Actor, Moment, ParticipantId, PresenceSource,
    who::{Door, Happened, Known, Seen, Stay},
};

use super::told::{Told, What, moment};

/// A token counts for so much longer with LiveKit than it says (livekit-server `pkg/service/auth.go`: go-jose's leeway).
pub(super) const LEEWAY_MS: i64 = 60_000;

/// What events came to.
#[derive(Debug, Clone, Default)]
pub(crate) struct History {
    /// Sessions by participant, tokens without one by jti; in order of their coming to be.
    pub(super) doors: BTreeMap<String, Door>,
    /// By LiveKit's id.
    pub(super) stays: BTreeMap<String, Stay>,
}

impl History {
    /// Folds events, which are in order.
    pub(crate) fn of(events: &[Told]) -> Self {
        let mut history = Self::default();
        events.iter().for_each(|told| history.take(told));
        history
    }

    fn take(&mut self, told: &Told) {
        match &told.what {
            What::LinkCreated(link) => self.link(told, link),
            What::TokenRegistered(token) => self.registered(told, token),
            What::TokenIssued(token) => self.issued(told, token),
            What::TokenReissued(token) => self.reissued(told, token),
            What::Consumed(event) => self.door(&event.participant, |door| {
                door.consumed = Some(told.by(&event.actor));
                door.resume_until = Some(moment(&event.resume_until));
            }),
            What::Revoked(event) => self.door(&event.participant, |door| door.revoked = Some(told.by(&event.actor))),
            What::Expired(event) => self.door(&event.participant, |door| door.expired = Some(told.by(&event.actor))),
            What::BroadcastEnded(event) => {
                let in_it = self.doors.values_mut().filter(|door| door.room == event.room.as_str());
                in_it.for_each(|door| door.ended = Some(told.by(&event.actor)));
            }
            What::Joined(event) => {
                let stay = self.stay(&event.sid, event.room.as_str(), &event.room_sid);
                begun(stay, event.participant.as_ref(), event.identity_hash.as_deref());
                let (at, source) = (moment(&event.joined_at), event.source);
                stay.joined = Some(Seen { seq: told.seq, at, source, reason: None });
            }
            What::Left(event) => {
                let stay = self.stay(&event.sid, event.room.as_str(), &event.room_sid);
                begun(stay, event.participant.as_ref(), event.identity_hash.as_deref());
                let (at, reason) = (moment(&event.left_at), event.reason.clone());
                stay.left = Some(Seen { seq: told.seq, at, source: event.source, reason });
            }
            What::Unknown(event) => {
                let stay = self.stay(&event.sid, event.room.as_str(), &event.room_sid);
                begun(stay, None, Some(&event.identity_hash));
                stay.unknown = Some(told.seq);
            }
            What::RoomFinished(event) => self.finished(told, &event.room_sid, moment(&event.at), event.source),
            What::Erased(event) => self.erased(told, event.participant.as_ref(), event.stay.as_deref()),
            What::Gap(_) => {}
        }
    }

    pub(super) fn door(&mut self, participant: &ParticipantId, change: impl FnOnce(&mut Door)) {
        // One that came to be in what is archived is not known here.
        if let Some(door) = self.doors.get_mut(participant.as_str()) {
            change(door);
        }
    }

    fn stay(&mut self, sid: &str, room: &str, room_sid: &str) -> &mut Stay {
        self.stays.entry(sid.to_owned()).or_insert_with(|| Stay {
            sid: sid.to_owned(),
            room: room.to_owned(),
            room_sid: room_sid.to_owned(),
            participant: None,
            identity: None,
            joined: None,
            left: None,
            unknown: None,
            erased: None,
        })
    }

    /// No stay outlives its room.
    fn finished(&mut self, told: &Told, room_sid: &str, at: Moment, source: PresenceSource) {
        let open = self.stays.values_mut().filter(|stay| stay.room_sid == room_sid && stay.left.is_none());
        let reason = Some("ROOM_FINISHED".to_owned());
        open.for_each(|stay| stay.left = Some(Seen { seq: told.seq, at, source, reason: reason.clone() }));
    }

    fn erased(&mut self, told: &Told, participant: Option<&ParticipantId>, stay: Option<&str>) {
        if let Some(participant) = participant {
            self.door(participant, |door| door.erased = Some(told.seq));
        }
        if let Some(stay) = stay.and_then(|sid| self.stays.get_mut(sid)) {
            stay.erased = Some(told.seq);
        }
    }
}

fn begun(stay: &mut Stay, participant: Option<&ParticipantId>, identity_hash: Option<&str>) {
    if let Some(participant) = participant {
        stay.participant = Some(participant.clone());
    }
    if let Some(hash) = identity_hash {
        stay.identity = Some(Known::hashed(hash));
    }
}

impl Told {
    pub(super) fn by(&self, actor: &Actor) -> Happened {
        Happened { seq: self.seq, at: self.at, actor: actor.clone() }
    }
}
