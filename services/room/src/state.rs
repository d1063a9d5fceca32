//! Rooms and who is in them, as decisions see them: the rows that a batch read, and what became of them.

use std::collections::{HashMap, HashSet};

use avanzacast_schemas::{Identity, ParticipantId, RoomName};
use avanzacast_worker::{
    Moment,
    person::{self, Person, Personal},
    store::{Cell, Change, Kind, Op, Table},
};
use serde::Deserialize;

use crate::{
    barring::key,
    facts::StayFact,
    rows::{Room, Rows, Stay},
};

static WATCH: Table = Table { name: "presence_watch", columns: &[("one", Kind::Int), ("known_at", Kind::Int)] };

/// A session's token that names an identity.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Token {
    room: RoomName,
    identity: String,
    participant: ParticipantId,
    salt: Option<String>,
    value: Option<String>,
}

/// An earlier stay, over for no longer than LiveKit's refreshed tokens live.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Recent {
    room: RoomName,
    identity: String,
    participant: Option<ParticipantId>,
    identity_hash: Option<String>,
}

/// What a batch's read gives.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Read {
    #[serde(default)]
    rooms: Option<Vec<Room>>,
    #[serde(default)]
    stays: Option<Vec<Stay>>,
    /// Sessions whose tokens name the identities asked for; the newest last.
    #[serde(default)]
    tokens: Option<Vec<Token>>,
    /// Identities that stand behind a hash already, by stay: salt and value.
    #[serde(default)]
    hidden: Option<Vec<(String, String, String)>>,
    /// Keys of identities with a token and no session.
    #[serde(default)]
    issued: Option<Vec<String>>,
    #[serde(default)]
    recent: Option<Vec<Recent>>,
    #[serde(default)]
    known_at: Option<i64>,
}

/// Who somebody in a room is to us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Known {
    /// Whom a session let in.
    pub(crate) participant: Option<ParticipantId>,
    /// What the ledger says of an identity that is not the participant.
    pub(crate) identity_hash: Option<String>,
}

/// Rooms and stays that a batch knows of.
#[derive(Debug, Default)]
pub struct Presence {
    pub(crate) rooms: Rows<Room>,
    pub(crate) stays: Rows<Stay>,
    tokens: Vec<Token>,
    hidden: HashMap<String, String>,
    issued: HashSet<String>,
    recent: Vec<Recent>,
    people: Vec<Person>,
    known_at: Option<i64>,
    looked_at: Option<i64>,
}

impl From<Read> for Presence {
    fn from(read: Read) -> Self {
        Self {
            rooms: Rows::read(read.rooms),
            stays: Rows::read(read.stays),
            tokens: read.tokens.unwrap_or_default(),
            hidden: (read.hidden.into_iter().flatten())
                .map(|(sid, salt, value)| (sid, Personal { salt, value }.hash()))
                .collect(),
            issued: read.issued.unwrap_or_default().into_iter().collect(),
            recent: read.recent.unwrap_or_default(),
            people: Vec::new(),
            known_at: read.known_at,
            looked_at: None,
        }
    }
}

impl Presence {
    /// When we last knew who was in which room: Unix milliseconds.
    pub(crate) fn known_at(&self) -> Option<i64> {
        self.known_at
    }

    /// We know, as of this moment.
    pub(crate) fn know(&mut self, at: i64) {
        self.looked_at = Some(at);
    }

    /// Who somebody in a room is to us; `None` for somebody whose token we never saw.
    pub(crate) fn known(&self, room: &RoomName, identity: &Identity) -> Option<Known> {
        let here = |other: &RoomName, name: &str| other == room && name == identity.as_str();
        // Our own participant before anybody who took its name; of others the one that was registered last.
        let mut tokens: Vec<_> = self.tokens.iter().filter(|token| here(&token.room, &token.identity)).collect();
        tokens.sort_by_key(|token| token.participant.as_str() == identity.as_str());
        if let Some(token) = tokens.last() {
            // The same hash as the token's registration has, so that the two can be seen to belong together.
            let personal = token.salt.clone().zip(token.value.clone());
            let identity_hash = personal.map(|(salt, value)| Personal { salt, value }.hash());
            return Some(Known { participant: Some(token.participant.clone()), identity_hash });
        }
        if let Some(recent) = self.recent.iter().find(|recent| here(&recent.room, &recent.identity)) {
            let Recent { participant, identity_hash, .. } = recent.clone();
            return Some(Known { participant, identity_hash });
        }
        let issued = self.issued.contains(&key(room.as_str(), identity.as_str()));
        issued.then_some(Known { participant: None, identity_hash: None })
    }

    /// A stay that is new to us. An identity that is not a participant of ours is hidden behind a hash.
    pub(crate) fn stay(&mut self, fact: &StayFact, moment: &mut Moment<'_>) -> Stay {
        let known = self.known(&fact.room, &fact.identity);
        let is_known = u8::from(known.is_some());
        let Known { participant, identity_hash } = known.unwrap_or(Known { participant: None, identity_hash: None });
        let ours = participant.as_ref().is_some_and(|participant| participant.as_str() == fact.identity.as_str());
        let identity_hash = identity_hash.or_else(|| (!ours).then(|| self.hide(&fact.identity, &fact.sid, moment)));
        Stay {
            sid: fact.sid.clone(),
            room: fact.room.clone(),
            room_sid: fact.room_sid.clone(),
            identity: fact.identity.clone(),
            participant,
            identity_hash,
            known: is_known,
            joined_at: None,
            left_at: None,
            report_at: None,
            forget_at: None,
        }
    }

    /// The hash of an identity, with its value in the table of what can be forgotten.
    fn hide(&mut self, identity: &Identity, sid: &str, moment: &mut Moment<'_>) -> String {
        // The stay's row may be forgotten, and the person's not.
        if let Some(hash) = self.hidden.get(sid) {
            return hash.clone();
        }
        let personal = person::salted(identity.as_str(), moment);
        let hash = personal.hash();
        let (subject, recorded_at) = (sid.to_owned(), moment.now);
        self.people.push(Person { subject, field: "identity", personal, recorded_at, registered_by: None });
        hash
    }

    /// What is to be written.
    pub(crate) fn changes(&self) -> Vec<Change> {
        let mut changes = self.rooms.changes();
        changes.extend(self.stays.changes());
        changes.extend(person::change(&self.people));
        changes.extend(self.looked_at.map(|at| {
            let row: Vec<Cell> = vec![1.into(), at.into()];
            Change { table: &WATCH, op: Op::Update, rows: vec![row] }
        }));
        changes
    }
}
