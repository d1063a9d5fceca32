//! Sessions as decisions see them: the rows that a batch read, and what became of them.

use std::collections::HashMap;

use avanzacast_livekit::Stamp;
use avanzacast_schemas::{ParticipantId, Role, RoomName, SessionId, SessionState, TokenOrigin};
use avanzacast_worker::{
    person::{self, Person, Personal},
    store::{Change, Op},
};
use serde::Deserialize;
use uuid::Uuid;

use crate::{store, traces::Traces};

/// What has happened to a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Nothing yet.
    Open,
    /// Somebody redeemed it.
    Consumed,
    /// Somebody took it back.
    Revoked,
    /// Nobody came in time, and the sweep has said so.
    Expired,
}

/// How a session was redeemed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consumption {
    /// Lower-case hex of SHA-256 of the consumer's key.
    pub resume_hash: String,
    /// Unix milliseconds.
    pub at: i64,
    /// Unix milliseconds.
    pub resume_until: i64,
}

/// A session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// Where it lets in.
    pub room: RoomName,
    /// As what.
    pub role: Role,
    /// Who signs its token.
    pub origin: TokenOrigin,
    /// Whether there is no token before the consume.
    pub single_use: bool,
    /// What has happened to it.
    pub state: State,
    /// What was granted, in seconds.
    pub ttl: u32,
    /// Unix milliseconds.
    pub created_at: i64,
    /// Unix milliseconds.
    pub expires_at: i64,
    /// The token of ours that was issued last.
    pub stamp: Option<Stamp>,
    /// The token for `stamp`, when it was signed just now; never stored.
    pub signed: Option<String>,
    /// A token from outside, as it came; `None` once it was erased, for it says who they are.
    pub token: Option<String>,
    /// Lower-case hex of SHA-256 of that token.
    pub fingerprint: Option<String>,
    /// When that one ends: Unix seconds.
    pub token_exp: Option<i64>,
    /// How it was redeemed.
    pub consumption: Option<Consumption>,
    /// What the participant is called; `None` once that was erased.
    pub name: Option<Personal>,
    /// The identity that a token from outside names.
    pub identity: Option<Personal>,
    /// The broadcast it belongs to.
    pub broadcast: Option<Uuid>,
    /// Whether that is over. Read with the session, never written with it.
    pub broadcast_over: bool,
    /// The user who registered it.
    pub created_by: Option<i64>,
}

/// A row lives this long after the last of its session's expiry, its tokens' and its resume.
const FORGET_MS: i64 = 7 * 24 * 60 * 60 * 1000;

impl Session {
    /// When the sweep has to look at it: at its end, and when it may be forgotten.
    #[must_use]
    pub fn due_at(&self) -> i64 {
        match self.state {
            State::Open => self.expires_at,
            State::Consumed | State::Revoked | State::Expired => {
                let token = self.token_exp.map_or(0, |exp| exp * 1000);
                let resume = self.consumption.as_ref().map_or(0, |consumption| consumption.resume_until);
                self.expires_at.max(token).max(resume) + FORGET_MS
            }
        }
    }

    /// Whether it can still be looked at.
    #[must_use]
    pub fn is_open(&self, now: i64) -> bool {
        self.state == State::Open && now < self.expires_at
    }
}

impl From<State> for SessionState {
    fn from(state: State) -> Self {
        match state {
            State::Open => Self::Open,
            State::Consumed => Self::Consumed,
            State::Revoked => Self::Revoked,
            State::Expired => Self::Expired,
        }
    }
}

struct Entry {
    session: Session,
    op: Option<Op>,
}

/// The sessions that a batch knows of.
#[derive(Default)]
pub struct Sessions {
    known: HashMap<SessionId, Entry>,
    people: Vec<Person>,
    broadcasts: HashMap<Uuid, bool>,
    pub(crate) traces: Traces,
}

impl Sessions {
    /// Takes in a row that was read.
    pub fn insert_read(&mut self, session: Session) {
        self.known.insert(session.id.clone(), Entry { session, op: None });
    }

    /// Takes in whether a broadcast is over.
    pub fn insert_broadcast(&mut self, id: Uuid, over: bool) {
        self.broadcasts.insert(id, over);
    }

    /// Whether a broadcast is over; `None` for one that does not exist.
    #[must_use]
    pub fn broadcast_over(&self, id: Uuid) -> Option<bool> {
        self.broadcasts.get(&id).copied()
    }

    /// Remembers what can be forgotten about a person of no session.
    pub(crate) fn remember(&mut self, person: Person) {
        self.people.push(person);
    }

    /// A session, as the decisions so far have left it.
    #[must_use]
    pub fn get(&self, id: &SessionId) -> Option<&Session> {
        self.known.get(id).map(|entry| &entry.session)
    }

    /// The session that lets somebody in.
    pub(crate) fn of(&self, participant: &ParticipantId) -> Option<&Session> {
        self.known.values().map(|entry| &entry.session).find(|session| session.id.participant() == *participant)
    }

    /// Whom sessions let in that a user registered: of those that were looked for, and of those that this batch made.
    pub(crate) fn registered_by(&self, user: i64) -> Vec<ParticipantId> {
        let mut all = self.traces.registered_by(user);
        let new = self.known.values().filter(|entry| entry.op == Some(Op::Insert));
        let new = new.filter(|entry| entry.session.created_by == Some(user));
        all.extend(new.map(|entry| entry.session.id.participant()));
        all
    }

    /// Forgets what a session knows of the person. Gives back the values that were not written yet.
    pub(crate) fn forget(&mut self, id: &SessionId) -> Vec<String> {
        let Some(mut session) = self.get(id).cloned() else { return Vec::new() };
        (session.name, session.identity) = (None, None);
        if session.token.take().is_some() {
            self.update(session);
        } else if let Some(entry) = self.known.get_mut(id) {
            entry.session = session;
        }
        let participant = id.participant();
        let mine = |person: &mut Person| person.subject == participant.as_str();
        self.people.extract_if(.., mine).map(|person| person.personal.value).collect()
    }

    /// All of them.
    pub fn ids(&self) -> Vec<SessionId> {
        self.known.keys().cloned().collect()
    }

    /// Adds a new session, with what can be forgotten about the person.
    pub fn create(&mut self, session: Session) {
        let participant = session.id.participant();
        for (field, personal) in [("name", &session.name), ("identity", &session.identity)] {
            if let Some(personal) = personal {
                self.people.push(Person {
                    subject: participant.as_str().to_owned(),
                    field,
                    personal: personal.clone(),
                    recorded_at: session.created_at,
                    registered_by: session.created_by,
                });
            }
        }
        self.known.insert(session.id.clone(), Entry { session, op: Some(Op::Insert) });
    }

    /// Changes a session.
    pub fn update(&mut self, session: Session) {
        // One that this batch made is written once, as it is in the end.
        let op = match self.known.get(&session.id).and_then(|entry| entry.op) {
            Some(Op::Insert) => Op::Insert,
            Some(Op::Update | Op::Delete) | None => Op::Update,
        };
        self.known.insert(session.id.clone(), Entry { session, op: Some(op) });
    }

    /// The rows to be written.
    #[must_use]
    pub fn changes(&self) -> Vec<Change> {
        let rows = |wanted: Op| {
            let changed = self.known.values().filter(move |entry| entry.op == Some(wanted));
            changed.map(|entry| store::row(&entry.session)).collect::<Vec<_>>()
        };
        let mut changes: Vec<Change> = self.traces.changes().collect();
        for op in [Op::Insert, Op::Update] {
            let rows = rows(op);
            if !rows.is_empty() {
                changes.push(Change { table: &store::SESSION, op, rows });
            }
        }
        changes.extend(person::change(&self.people));
        changes
    }
}
