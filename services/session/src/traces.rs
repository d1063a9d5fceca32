//! What is known of those who are to be forgotten: the rows that a batch read for that, and what became of them.

use std::collections::HashMap;

use avanzacast_schemas::ParticipantId;
use avanzacast_worker::{
    person,
    store::{Cell, Change, Kind, Op, Table},
};
use serde::Deserialize;

/// What a user is compared by, which can be erased.
static ACCOUNT: Table =
    Table { name: "account", columns: &[("id", Kind::Int), ("email_key", Kind::Text), ("username_key", Kind::Text)] };
/// What a stay in a room can lose.
static PRESENCE: Table = Table { name: "presence", columns: &[("sid", Kind::Text), ("identity", Kind::Text)] };
/// What may still stand in the dead letters.
static SCRUB: Table =
    Table { name: "scrub", columns: &[("id", Kind::Text), ("texts", Kind::Text), ("recorded_at", Kind::Int)] };

/// Somebody's stay in a room, under an identity that is not the participant.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Stay {
    /// LiveKit's id for it.
    pub(crate) sid: String,
    /// Whose.
    pub(crate) of: ParticipantId,
    /// What LiveKit calls them.
    pub(crate) identity: String,
}

/// A user's id, and what the user is compared by.
type Account = (i64, Option<String>, Option<String>);

/// As the database gives them.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Read {
    /// Subject and value.
    #[serde(default)]
    people: Option<Vec<(String, String)>>,
    #[serde(default)]
    stays: Option<Vec<Stay>>,
    #[serde(default)]
    accounts: Option<Vec<Account>>,
    /// A user, and whom a session lets in that this user registered, and of which something is left.
    #[serde(default)]
    registered: Option<Vec<(i64, ParticipantId)>>,
}

/// Values, stays and users that somebody left traces in.
#[derive(Debug, Default)]
pub(crate) struct Traces {
    people: HashMap<String, Vec<String>>,
    stays: Vec<Stay>,
    accounts: HashMap<i64, Vec<String>>,
    registered: Vec<(i64, ParticipantId)>,
    forgotten: Vec<String>,
    left: Vec<String>,
    freed: Vec<i64>,
    scrubs: Vec<Vec<Cell>>,
}

impl From<Read> for Traces {
    fn from(read: Read) -> Self {
        let mut traces = Self {
            stays: read.stays.unwrap_or_default(),
            registered: read.registered.unwrap_or_default(),
            ..Self::default()
        };
        for (subject, value) in read.people.into_iter().flatten() {
            traces.people.entry(subject).or_default().push(value);
        }
        for (id, email, username) in read.accounts.into_iter().flatten() {
            traces.accounts.insert(id, email.into_iter().chain(username).collect());
        }
        traces
    }
}

impl Traces {
    /// Takes away what a subject is called.
    pub(crate) fn forget(&mut self, subject: &str) -> Vec<String> {
        let values = self.people.remove(subject).unwrap_or_default();
        if !values.is_empty() {
            self.forgotten.push(subject.to_owned());
        }
        values
    }

    /// Takes away what LiveKit calls somebody in rooms.
    pub(crate) fn leave(&mut self, participant: &ParticipantId) -> Vec<Stay> {
        let stays: Vec<Stay> = self.stays.extract_if(.., |stay| stay.of == *participant).collect();
        self.left.extend(stays.iter().map(|stay| stay.sid.clone()));
        stays
    }

    /// Takes away what a user is compared by; `None` when there is no such user.
    pub(crate) fn free(&mut self, user: i64) -> Option<Vec<String>> {
        let keys = std::mem::take(self.accounts.get_mut(&user)?);
        if !keys.is_empty() {
            self.freed.push(user);
        }
        Some(keys)
    }

    /// Whom sessions let in that a user registered, as far as they were read.
    pub(crate) fn registered_by(&self, user: i64) -> Vec<ParticipantId> {
        let theirs = self.registered.iter().filter(|(by, _)| *by == user);
        theirs.map(|(_, participant)| participant.clone()).collect()
    }

    /// Remembers, until that is done, what has to go from the dead letters too.
    pub(crate) fn scrub(&mut self, id: String, texts: &[String], now: i64) {
        let texts = serde_json::Value::from(texts).to_string();
        self.scrubs.push(vec![id.into(), texts.into(), now.into()]);
    }

    /// The rows to be written, and to be deleted.
    pub(crate) fn changes(&self) -> impl Iterator<Item = Change> {
        let stay = |sid: &String| -> Vec<Cell> { vec![sid.as_str().into(), nobody(sid).into()] };
        let account = |id: &i64| -> Vec<Cell> { vec![(*id).into(), Cell::Text(None), Cell::Text(None)] };
        let written: [(&'static Table, Op, Vec<_>); 3] = [
            (&PRESENCE, Op::Update, self.left.iter().map(stay).collect()),
            (&ACCOUNT, Op::Update, self.freed.iter().map(account).collect()),
            (&SCRUB, Op::Insert, self.scrubs.clone()),
        ];
        let written = written.into_iter().filter(|(_, _, rows)| !rows.is_empty());
        let written = written.map(|(table, op, rows)| Change { table, op, rows });
        person::forget(self.forgotten.iter().cloned()).into_iter().chain(written)
    }
}

/// What stands in the place of an identity: no other stay has it, and no token can name it that is not about this one.
fn nobody(sid: &str) -> String {
    format!("unknown:{sid}")
}
