//! What events ask for in LiveKit: pure decisions over the rows that were read for them.

use std::collections::HashMap;

use avanzacast_livekit::NewRoom;
use avanzacast_schemas::{RoomName, broadcast_of};
use avanzacast_worker::store::{Change, Kind, Op, Table};
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use crate::barring::{LEEWAY_MS, REFRESHED_MS, key, until, veiled};

static BARRED: Table = Table { name: "barred", columns: &[("key", Kind::Text), ("until", Kind::Int)] };
static ISSUED: Table = Table { name: "issued", columns: &[("key", Kind::Text), ("until", Kind::Int)] };

/// How long a broadcast's room stays when nobody has come yet, in seconds. Should it end before somebody comes, it is made
/// again with their token.
const EMPTY_TIMEOUT_S: u32 = 3_600;
/// How long it stays when everybody has left: as long as the token lives that LiveKit handed them, with which they may
/// come back.
const DEPARTURE_TIMEOUT_S: u32 = 600;

/// Something to be done in LiveKit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    /// Make a room.
    Create(NewRoom),
    /// End a room.
    Delete(String),
    /// Put somebody out.
    Remove {
        /// Of this room.
        room: String,
        /// Whom.
        identity: String,
    },
}

/// Somebody an event is about.
#[derive(Debug, Deserialize)]
struct Who {
    sid: Option<String>,
    subject: Option<String>,
    room: RoomName,
    /// `None` when it was erased.
    identity: Option<String>,
    /// Whether it is known only until they are put out: 1 or 0.
    #[serde(default)]
    erased: u8,
}

#[derive(Debug, Deserialize)]
struct Token {
    key: String,
    exp: Option<i64>,
}

#[derive(Debug, Deserialize)]
struct Seen {
    key: String,
    left_at: Option<i64>,
}

/// What is read for some events.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Read {
    #[serde(default)]
    who: Option<Vec<Who>>,
    #[serde(default)]
    barred: Option<Vec<(String, i64)>>,
    #[serde(default)]
    issued: Option<Vec<(String, i64)>>,
    #[serde(default)]
    tokens: Option<Vec<Token>>,
    #[serde(default)]
    seen: Option<Vec<Seen>>,
    #[serde(default)]
    rooms: Option<Vec<String>>,
    #[serde(default)]
    broadcasts: Option<Vec<(Uuid, String)>>,
}

/// Keys, and until when: rows that were read, and what became of them.
#[derive(Debug, Default)]
struct Terms(HashMap<String, (i64, Option<Op>)>);

impl Terms {
    fn read(rows: Option<Vec<(String, i64)>>) -> Self {
        Self(rows.into_iter().flatten().map(|(key, until)| (key, (until, None))).collect())
    }

    fn get(&self, key: &str) -> Option<i64> {
        self.0.get(key).map(|(until, _)| *until)
    }

    fn put(&mut self, key: String, until: i64) {
        let op = match self.0.get(&key) {
            Some((_, None | Some(Op::Update | Op::Delete))) => Op::Update,
            Some((_, Some(Op::Insert))) | None => Op::Insert,
        };
        self.0.insert(key, (until, Some(op)));
    }

    /// Never sooner than it was.
    fn extend(&mut self, key: String, until: i64) {
        let until = self.get(&key).map_or(until, |known| known.max(until));
        self.put(key, until);
    }

    fn changes(&self, table: &'static Table) -> impl Iterator<Item = Change> {
        [Op::Insert, Op::Update].into_iter().filter_map(move |wanted| {
            let rows = self.0.iter().filter(|(_, (_, op))| *op == Some(wanted));
            let rows: Vec<_> = rows.map(|(key, (until, _))| vec![key.as_str().into(), (*until).into()]).collect();
            (!rows.is_empty()).then_some(Change { table, op: wanted, rows })
        })
    }
}

/// The rows that were read for some events, and what became of them.
#[derive(Debug)]
pub struct Reactions {
    who: Vec<Who>,
    barred: Terms,
    issued: Terms,
    /// When the last token ends that a session gave a key's owner, or anybody a room's: Unix milliseconds.
    exps: HashMap<String, i64>,
    /// When a key's owner was last seen to leave: Unix milliseconds.
    seen: HashMap<String, i64>,
    open: Vec<String>,
    ended: HashMap<Uuid, bool>,
}

impl From<Read> for Reactions {
    fn from(read: Read) -> Self {
        let mut exps = HashMap::new();
        for (key, exp) in read.tokens.into_iter().flatten().filter_map(|token| Some((token.key, token.exp?))) {
            let last: &mut i64 = exps.entry(key).or_default();
            *last = exp.saturating_mul(1000).max(*last);
        }
        let seen = read.seen.into_iter().flatten();
        Self {
            who: read.who.unwrap_or_default(),
            barred: Terms::read(read.barred),
            issued: Terms::read(read.issued),
            exps,
            seen: seen.filter_map(|seen| Some((seen.key, seen.left_at?))).collect(),
            open: read.rooms.unwrap_or_default(),
            ended: read.broadcasts.into_iter().flatten().map(|(id, status)| (id, status == "ended")).collect(),
        }
    }
}

impl Reactions {
    /// A broadcast exists: so does its room, unless it is over by now.
    pub(crate) fn broadcast_created(&mut self, broadcast: Uuid, room: &RoomName) -> Option<Call> {
        (self.ended.get(&broadcast) == Some(&false)).then(|| {
            self.open.push(room.as_str().to_owned());
            Call::Create(NewRoom {
                name: room.as_str().to_owned(),
                empty_timeout: EMPTY_TIMEOUT_S,
                departure_timeout: DEPARTURE_TIMEOUT_S,
                metadata: json!({ "broadcastId": broadcast }).to_string(),
            })
        })
    }

    /// Somebody got a token for a broadcast: its room exists, also when nobody was in it for long. Is the broadcast over,
    /// its room stays ended for as long as that token is good (until a moment in Unix milliseconds).
    pub(crate) fn wanted(&mut self, room: &RoomName, token_until: i64) -> Option<Call> {
        let broadcast = broadcast_of(room)?;
        let everybody = key(room.as_str(), "");
        if self.ended.get(&broadcast) == Some(&true) || self.barred.get(&everybody).is_some() {
            self.barred.extend(everybody, token_until.saturating_add(LEEWAY_MS));
            return None;
        }
        if self.open.iter().any(|open| open == room.as_str()) {
            return None;
        }
        self.broadcast_created(broadcast, room)
    }

    /// A broadcast is over: so is its room, for as long as somebody could come back.
    pub(crate) fn broadcast_ended(&mut self, room: &RoomName, now: i64) -> Call {
        let everybody = key(room.as_str(), "");
        let until = until(now, self.exps.get(&everybody).copied());
        self.barred.extend(everybody, until);
        Call::Delete(room.as_str().to_owned())
    }

    /// A room began that may be over.
    pub(crate) fn room_started(&mut self, room: &RoomName, now: i64) -> Option<Call> {
        let over = self.barred.get(&key(room.as_str(), "")).is_some_and(|until| until > now);
        over.then(|| Call::Delete(room.as_str().to_owned()))
    }

    /// A session was taken back, for which a token exists.
    pub(crate) fn revoked(&mut self, participant: &str, now: i64) -> Option<Call> {
        let who = self.who.iter().find(|who| who.subject.as_deref() == Some(participant))?;
        let (room, identity) = (who.room.as_str().to_owned(), who.identity.clone()?);
        let somebody = key(&room, &identity);
        let last = self.exps.get(&somebody).copied().max(self.issued.get(&somebody));
        let until = until(now, last);
        self.barred.extend(if who.erased == 1 { veiled(&room, &identity) } else { somebody }, until);
        Some(Call::Remove { room, identity })
    }

    /// Somebody came: out with them, if they or everybody in the room are barred. Each time they come they get a fresh
    /// token, so they are barred anew.
    pub(crate) fn joined(&mut self, sid: &str, now: i64) -> Option<Call> {
        let who = self.who.iter().find(|who| who.sid.as_deref() == Some(sid))?;
        let (room, identity) = (who.room.as_str().to_owned(), who.identity.clone()?);
        let (somebody, everybody) = (key(&room, &identity), key(&room, ""));
        if self.barred.get(&everybody).is_some_and(|until| until > now) {
            self.barred.extend(everybody, until(now, None));
            return Some(Call::Delete(room));
        }
        let bar = self.bar(&room, &identity);
        let term = self.barred.get(&bar)?;
        // Lifted is lifted; else a connection that came to nothing counts as well, for it gave them a token.
        let seen = self.seen.get(&somebody).map_or(0, |left| left + REFRESHED_MS + LEEWAY_MS);
        (term > 0 && term.max(seen) > now).then(|| {
            self.barred.extend(bar, until(now, None));
            Call::Remove { room, identity }
        })
    }

    /// Somebody who may mint let a foreign identity in anew: it is barred no more.
    pub(crate) fn registered(&mut self, participant: &str) {
        let Some(who) = self.who.iter().find(|who| who.subject.as_deref() == Some(participant)) else { return };
        let Some(identity) = &who.identity else { return };
        let bar = self.bar(who.room.as_str(), identity);
        if self.barred.get(&bar).is_some() {
            self.barred.put(bar, 0);
        }
    }

    /// The key under which somebody is barred, if they are.
    fn bar(&self, room: &str, identity: &str) -> String {
        let veiled = veiled(room, identity);
        if self.barred.get(&veiled).is_some() { veiled } else { key(room, identity) }
    }

    /// An identity got a token without a session, good until a moment (Unix milliseconds). If it is barred, it stays so for
    /// as long.
    pub(crate) fn issued(&mut self, subject: &str, token_until: i64) {
        let Some(who) = self.who.iter().find(|who| who.subject.as_deref() == Some(subject)) else { return };
        let Some(identity) = who.identity.as_deref().filter(|identity| *identity != subject) else { return };
        let (somebody, bar) = (key(who.room.as_str(), identity), self.bar(who.room.as_str(), identity));
        if self.barred.get(&bar).is_some_and(|term| term > 0) {
            self.barred.extend(bar, token_until.saturating_add(LEEWAY_MS));
        }
        self.issued.extend(somebody, token_until);
    }

    /// What is to be written.
    pub(crate) fn changes(&self) -> Vec<Change> {
        self.barred.changes(&BARRED).chain(self.issued.changes(&ISSUED)).collect()
    }
}
