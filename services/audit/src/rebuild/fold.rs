//! What events make of state: a pure function of both. Nothing here reads a clock or knows a person's values.

use avanzacast_kit::time;
use avanzacast_schemas::{
    BroadcastCreated, BroadcastStatus, Event, ParticipantId, ParticipantJoined, ParticipantLeft, PersonErased,
    RoomName, SessionConsumedEvent, SessionCreatedEvent, SessionId, TokenOrigin, TokenRegistered, UserCreated,
};

use super::rows::{Account, Broadcast, FORGET_MS, Kept, Room, Session, Stay};

/// State, as far as a batch of events is about it.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) sessions: Kept<Session>,
    pub(super) accounts: Kept<Account>,
    pub(super) broadcasts: Kept<Broadcast>,
    pub(super) rooms: Kept<Room>,
    pub(super) stays: Kept<Stay>,
    /// What is to be forgotten about people, in order.
    pub(super) forgotten: Vec<Forgotten>,
}

/// Values about people that are to go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Forgotten {
    /// Of whom a session let in.
    Participant(String),
    /// Of a user.
    User(i64),
    /// Of somebody in a room, by LiveKit's id of the stay.
    Stay(String),
    /// Of everybody, recorded before this moment: Unix milliseconds.
    Before(i64),
}

fn ms(text: &str) -> Option<i64> {
    time::parse_rfc3339(text)
}

/// A token's moments are whole seconds.
fn seconds(text: &str) -> Option<i64> {
    ms(text).map(|ms| ms.div_euclid(1000))
}

impl State {
    /// Takes in an event that happened at this moment: Unix milliseconds.
    pub(super) fn apply(&mut self, event: Event, at: i64) {
        match event {
            Event::SessionCreated(created) => self.created(&created, at),
            Event::TokenRegistered(registered) => self.registered(&registered, at),
            Event::TokenReissued(reissued) => {
                let exp = seconds(&reissued.token_expires_at);
                self.session(reissued.participant.as_str(), |session| session.exp = session.exp.max(exp));
            }
            Event::SessionConsumed(consumed) => self.consumed(&consumed),
            Event::SessionRevoked(revoked) => self.ended(revoked.participant.as_str(), "revoked"),
            Event::SessionExpired(expired) => self.ended(expired.participant.as_str(), "expired"),
            Event::UserCreated(user) => self.user(&user, at),
            Event::BroadcastCreated(created) => self.broadcast(&created, at),
            Event::BroadcastStarted(started) => self.broadcasts.change(&started.broadcast.to_string(), |broadcast| {
                BroadcastStatus::Live.as_str().clone_into(&mut broadcast.status);
                broadcast.started_at = ms(&started.at);
            }),
            Event::BroadcastEnded(ended) => self.broadcasts.change(&ended.broadcast.to_string(), |broadcast| {
                BroadcastStatus::Ended.as_str().clone_into(&mut broadcast.status);
                broadcast.ended_at = ms(&ended.at);
            }),
            Event::RoomStarted(started) => {
                self.room(&started.room_sid, &started.room, |room| room.started_at = ms(&started.at));
            }
            Event::RoomFinished(finished) => self.room(&finished.room_sid, &finished.room, |room| {
                (room.finished_at, room.forget_at) = (ms(&finished.at), Some(at.saturating_add(FORGET_MS)));
            }),
            Event::ParticipantJoined(joined) => self.joined(joined),
            Event::ParticipantLeft(left) => self.left(left, at),
            Event::ParticipantUnknown(unknown) => self.stays.change(&unknown.sid, |stay| stay.report_at = None),
            Event::PersonErased(erased) => self.erased(&erased),
            Event::PersonExpired(expired) => self.forgotten.extend(ms(&expired.before).map(Forgotten::Before)),
            // They change no state: what they tell of is outside, or was never let in.
            Event::TokenRefused(_)
            | Event::TokenIssued(_)
            | Event::PresenceGap(_)
            | Event::RequestsRefused(_)
            | Event::LedgerArchived(_)
            | Event::LedgerGap(_) => {}
        }
    }

    fn session(&mut self, participant: &str, change: impl FnOnce(&mut Session)) {
        self.sessions.change(participant, |session| {
            change(session);
            session.due_at = session.due();
        });
    }

    fn created(&mut self, event: &SessionCreatedEvent, at: i64) {
        let mut session = new_session(&event.participant, &event.room, at);
        (session.role, session.single_use) = (event.role.as_str().to_owned(), 1);
        session.expires_at = ms(&event.expires_at).unwrap_or(at);
        session.ttl = i64::from(event.ttl_seconds);
        session.broadcast_id = event.broadcast_id.map(|id| id.to_string());
        session.due_at = session.due();
        self.sessions.put(session);
    }

    /// A session with its token; or the token of a link, which is there already.
    fn registered(&mut self, event: &TokenRegistered, at: i64) {
        let external = event.origin == TokenOrigin::External;
        let mut session = self.sessions.get(event.participant.as_str()).cloned().unwrap_or_else(|| {
            let mut session = new_session(&event.participant, &event.room, at);
            session.role = event.role.unwrap_or_default().as_str().to_owned();
            session.origin = if external { "external" } else { "minted" }.to_owned();
            session.single_use = i64::from(event.single_use.unwrap_or_default());
            session.expires_at = ms(&event.expires_at).unwrap_or(at);
            session.ttl = (session.expires_at - at).div_euclid(1000);
            session.broadcast_id = event.broadcast_id.map(|id| id.to_string());
            session.created_by = event.created_by;
            session
        });
        session.exp = seconds(&event.token_expires_at);
        if external {
            session.fingerprint = Some(event.fingerprint.clone());
        } else {
            // From when on the token is good stands in no event; it was about now.
            (session.jti, session.nbf) = (event.jti.clone(), Some(at.div_euclid(1000)));
        }
        session.due_at = session.due();
        self.sessions.put(session);
    }

    /// The consumer's key stands in no event, so nobody can come back by it: an empty hash is that of no key.
    fn consumed(&mut self, event: &SessionConsumedEvent) {
        self.session(event.participant.as_str(), |session| {
            "consumed".clone_into(&mut session.state);
            session.resume_hash = Some(String::new());
            session.consumed_at = ms(&event.consumed_at);
            session.resume_until = ms(&event.resume_until);
        });
    }

    fn ended(&mut self, participant: &str, state: &str) {
        self.session(participant, |session| state.clone_into(&mut session.state));
    }

    fn user(&mut self, event: &UserCreated, at: i64) {
        let is_admin = i64::from(event.is_admin);
        self.accounts.put(Account { id: event.user, email_key: None, username_key: None, is_admin, created_at: at });
    }

    fn broadcast(&mut self, event: &BroadcastCreated, at: i64) {
        self.broadcasts.put(Broadcast {
            id: event.broadcast.to_string(),
            owner_id: event.owner_id,
            status: BroadcastStatus::Created.as_str().to_owned(),
            created_at: at,
            started_at: None,
            ended_at: None,
        });
    }

    fn room(&mut self, sid: &str, name: &RoomName, change: impl FnOnce(&mut Room)) {
        let known = self.rooms.get(sid).cloned();
        let mut room = known.unwrap_or_else(|| Room {
            sid: sid.to_owned(),
            name: name.as_str().to_owned(),
            started_at: None,
            finished_at: None,
            forget_at: None,
        });
        change(&mut room);
        self.rooms.put(room);
    }

    fn joined(&mut self, event: ParticipantJoined) {
        let ParticipantJoined { room, room_sid, sid, participant, identity_hash, joined_at, .. } = event;
        let mut stay = self.stay(sid, &room, room_sid, participant.as_ref(), identity_hash);
        stay.joined_at = ms(&joined_at);
        self.stays.put(stay);
    }

    fn left(&mut self, event: ParticipantLeft, at: i64) {
        let ParticipantLeft { room, room_sid, sid, participant, identity_hash, left_at, .. } = event;
        let mut stay = self.stay(sid, &room, room_sid, participant.as_ref(), identity_hash);
        (stay.left_at, stay.forget_at) = (ms(&left_at), Some(at.saturating_add(FORGET_MS)));
        self.stays.put(stay);
    }

    fn stay(
        &self,
        sid: String,
        room: &RoomName,
        room_sid: String,
        participant: Option<&ParticipantId>,
        identity_hash: Option<String>,
    ) -> Stay {
        self.stays.get(&sid).cloned().unwrap_or_else(|| Stay {
            room: room.as_str().to_owned(),
            room_sid,
            // One of our participants is its own identity; another's stands in no event.
            identity: match (participant, &identity_hash) {
                (Some(participant), None) => participant.as_str().to_owned(),
                (Some(_) | None, _) => format!("unknown:{sid}"),
            },
            participant: participant.map(|participant| participant.as_str().to_owned()),
            identity_hash,
            known: i64::from(participant.is_some()),
            sid,
            joined_at: None,
            left_at: None,
            report_at: None,
            forget_at: None,
        })
    }

    fn erased(&mut self, event: &PersonErased) {
        let participant = event.participant.as_ref().map(|who| Forgotten::Participant(who.as_str().to_owned()));
        let stay = event.stay.clone().map(Forgotten::Stay);
        self.forgotten.extend([participant, event.user.map(Forgotten::User), stay].into_iter().flatten());
    }
}

fn new_session(participant: &ParticipantId, room: &RoomName, at: i64) -> Session {
    Session {
        id: SessionId::rebuilt(participant).to_string(),
        participant: participant.as_str().to_owned(),
        room: room.as_str().to_owned(),
        role: String::new(),
        origin: "minted".to_owned(),
        single_use: 0,
        state: "open".to_owned(),
        ttl: 0,
        created_at: at,
        expires_at: at,
        jti: None,
        nbf: None,
        exp: None,
        token: None,
        resume_hash: None,
        consumed_at: None,
        resume_until: None,
        due_at: at,
        broadcast_id: None,
        created_by: None,
        fingerprint: None,
    }
}
