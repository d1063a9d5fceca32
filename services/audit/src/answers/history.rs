//! What events come to: doors (sessions, and tokens without one) and stays in rooms.

use std::collections::BTreeMap;

use avanzacast_schemas::{Actor, Grants, ParticipantId, PresenceSource, Role, TokenOrigin};
use serde::Serialize;
use uuid::Uuid;

use super::{
    names::Known,
    told::{At, Told, What},
};

/// A token counts for so much longer with LiveKit than it says (livekit-server `pkg/service/auth.go`: go-jose's leeway).
pub(super) const LEEWAY_MS: i64 = 60_000;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Happened {
    /// The event's place in the ledger.
    pub seq: u64,
    /// When.
    pub at: At,
    /// Who asked.
    pub actor: Actor,
}

/// How a token came to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Minted {
    /// With its session, or at the consume of a single-use link.
    Registered,
    /// For the same consumer, who came back.
    Reissued,
    /// Without a session.
    Issued,
}

/// A token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Token {
    /// Its id, when it has one.
    pub jti: Option<String>,
    /// Lower-case hex of SHA-256 of its text.
    pub fingerprint: String,
    /// The API key that signed it.
    pub issuer: String,
    /// Who minted it: we, or somebody outside.
    pub origin: TokenOrigin,
    /// How it came to be.
    pub how: Minted,
    /// What it allows.
    pub grants: Grants,
    /// When it was recorded, and who asked.
    #[serde(flatten)]
    pub made: Happened,
    /// Its `exp`.
    pub expires_at: At,
    /// Until when LiveKit takes it: `exp` and a leeway of 60 s.
    pub until: At,
}

/// A session, or a token without one: what lets somebody in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Door {
    /// Whom it lets in; none, for a token without a session.
    pub participant: Option<ParticipantId>,
    /// Where to.
    pub room: String,
    /// What they are called.
    pub name: Option<Known>,
    /// Who they are in LiveKit, where that is not the participant.
    pub identity: Option<Known>,
    /// As what, where we decided it.
    pub role: Option<Role>,
    /// The broadcast that it belongs to.
    pub broadcast: Option<Uuid>,
    /// The user who registered it.
    pub created_by: Option<i64>,
    /// Whether only one consume is let in.
    pub single_use: bool,
    /// When it came to be, and who asked.
    pub made: Happened,
    /// When the session ends; of a token without one, that token's end.
    pub expires_at: At,
    /// Its tokens, in order.
    pub tokens: Vec<Token>,
    /// When it was used.
    pub consumed: Option<Happened>,
    /// Until when whoever used it may come back.
    pub resume_until: Option<At>,
    /// When it was taken back.
    pub revoked: Option<Happened>,
    /// When it was found that nobody had come.
    pub expired: Option<Happened>,
    /// When its broadcast ended, and it with it.
    pub ended: Option<Happened>,
    /// When what they were called was erased: the event's place.
    pub erased: Option<u64>,
}

impl Door {
    /// When it was shut, whatever was still to run.
    pub(super) fn shut(&self) -> Option<At> {
        [&self.revoked, &self.ended].into_iter().flatten().map(|happened| happened.at).min()
    }

    /// How it is at a moment, in the order in which a session is looked at.
    pub(super) fn state(&self, now: At) -> &'static str {
        if self.revoked.is_some() {
            "revoked"
        } else if self.ended.is_some() {
            "ended"
        } else if self.consumed.is_some() {
            "consumed"
        } else if self.expired.is_some() || self.expires_at <= now {
            "expired"
        } else {
            "open"
        }
    }
}

/// One end of a stay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Seen {
    /// The event's place in the ledger.
    pub seq: u64,
    /// By LiveKit's clock.
    pub at: At,
    /// How we know.
    pub source: PresenceSource,
    /// Why it ended, by LiveKit's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Somebody's stay in a room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Stay {
    /// LiveKit's id for it.
    pub sid: String,
    /// Where.
    pub room: String,
    /// LiveKit's id for that life of the room.
    pub room_sid: String,
    /// Whom a session had let in.
    pub participant: Option<ParticipantId>,
    /// Who they were in LiveKit, where that is not the participant.
    pub identity: Option<Known>,
    /// When it began; unset when nobody saw it.
    pub joined: Option<Seen>,
    /// When it ended; unset while nobody has seen it.
    pub left: Option<Seen>,
    /// That no token of ours is known for it: the event's place.
    pub unknown: Option<u64>,
    /// When who they were was erased: the event's place.
    pub erased: Option<u64>,
}

/// A time in which nobody knew who was where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Gap {
    /// The event's place in the ledger.
    pub seq: u64,
    /// When we last knew.
    pub from: At,
    /// When we knew again.
    pub to: At,
    /// Stays that were found to have begun.
    pub joined: u32,
    /// Stays that were found to have ended.
    pub left: u32,
}

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
                door.resume_until = Some(At::read(&event.resume_until));
            }),
            What::Revoked(event) => self.door(&event.participant, |door| door.revoked = Some(told.by(&event.actor))),
            What::Expired(event) => self.door(&event.participant, |door| door.expired = Some(told.by(&event.actor))),
            What::BroadcastEnded(event) => {
                let in_it = self.doors.values_mut().filter(|door| door.room == event.room.as_str());
                in_it.for_each(|door| door.ended = Some(told.by(&event.actor)));
            }
            What::Joined(event) => {
                let stay = self.stay(&event.sid, event.room.as_str(), &event.room_sid);
                stay.begun(event.participant.as_ref(), event.identity_hash.as_deref());
                let (at, source) = (At::read(&event.joined_at), event.source);
                stay.joined = Some(Seen { seq: told.seq, at, source, reason: None });
            }
            What::Left(event) => {
                let stay = self.stay(&event.sid, event.room.as_str(), &event.room_sid);
                stay.begun(event.participant.as_ref(), event.identity_hash.as_deref());
                let (at, reason) = (At::read(&event.left_at), event.reason.clone());
                stay.left = Some(Seen { seq: told.seq, at, source: event.source, reason });
            }
            What::Unknown(event) => {
                let stay = self.stay(&event.sid, event.room.as_str(), &event.room_sid);
                stay.begun(None, Some(&event.identity_hash));
                stay.unknown = Some(told.seq);
            }
            What::RoomFinished(event) => self.finished(told, &event.room_sid, At::read(&event.at), event.source),
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
    fn finished(&mut self, told: &Told, room_sid: &str, at: At, source: PresenceSource) {
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

impl Stay {
    fn begun(&mut self, participant: Option<&ParticipantId>, identity_hash: Option<&str>) {
        if let Some(participant) = participant {
            self.participant = Some(participant.clone());
        }
        if let Some(hash) = identity_hash {
            self.identity = Some(Known::hashed(hash));
        }
    }
}

impl Told {
    pub(super) fn by(&self, actor: &Actor) -> Happened {
        Happened { seq: self.seq, at: self.at, actor: actor.clone() }
    }
}
