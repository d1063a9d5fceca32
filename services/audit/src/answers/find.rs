//! What is known of somebody, by what they are called.

use std::collections::{BTreeMap, BTreeSet};

use avanzacast_schemas::{
    Moment, ParticipantId,
    who::{Door, Stay},
};
use avanzacast_worker::store::{Look, Session, Sql, Store, StoreError, Texts};
use serde::Serialize;

use super::{
    gather::{Within, gather},
    history::History,
    names::People,
    told::Told,
};
use crate::{Filter, Reach, SourceError};

/// What somebody is called by whoever asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Asked {
    /// A user's e-mail address, in whatever case.
    Email(String),
    /// The name of somebody whom a session lets in, or of a user, exactly.
    Name(String),
    /// A LiveKit identity that is not one of our participants, exactly.
    Identity(String),
}

/// More people than that are not looked for; there are other ways to list everybody.
pub const MOST: usize = 1_000;

/// `[subject, recorded_at]`, the newest first.
const BY_EMAIL: Sql = Sql {
    postgres: "SELECT 'user_' || id, created_at::text FROM account WHERE email_key = $1
            UNION SELECT subject, recorded_at::text FROM person WHERE field = 'email' AND value = $1",
    sqlite: "SELECT 'user_' || id, CAST(created_at AS TEXT) FROM account WHERE email_key = ?1
            UNION SELECT subject, CAST(recorded_at AS TEXT) FROM person WHERE field = 'email' AND value = ?1",
};
const BY_NAME: Sql = Sql {
    postgres: "SELECT subject, max(recorded_at)::text FROM person
        WHERE field IN ('name', 'username', 'displayName') AND value = $1
        GROUP BY subject ORDER BY max(recorded_at) DESC LIMIT 1001",
    sqlite: "SELECT subject, CAST(max(recorded_at) AS TEXT) FROM person
        WHERE field IN ('name', 'username', 'displayName') AND value = ?1
        GROUP BY subject ORDER BY max(recorded_at) DESC LIMIT 1001",
};
const BY_IDENTITY: Sql = Sql {
    postgres: "SELECT subject, recorded_at::text FROM person WHERE field = 'identity' AND value = $1
        ORDER BY recorded_at DESC LIMIT 1001",
    sqlite: "SELECT subject, CAST(recorded_at AS TEXT) FROM person WHERE field = 'identity' AND value = ?1
        ORDER BY recorded_at DESC LIMIT 1001",
};
/// What a user is called, and since when there is one.
const USER: Sql = Sql {
    postgres: "SELECT a.created_at::text,
            (SELECT value FROM person WHERE subject = 'user_' || a.id AND field = 'email'),
            (SELECT value FROM person WHERE subject = 'user_' || a.id AND field = 'username'),
            (SELECT value FROM person WHERE subject = 'user_' || a.id AND field = 'displayName')
        FROM account a WHERE a.id = $1::bigint",
    sqlite: "SELECT CAST(a.created_at AS TEXT),
            (SELECT value FROM person WHERE subject = 'user_' || a.id AND field = 'email'),
            (SELECT value FROM person WHERE subject = 'user_' || a.id AND field = 'username'),
            (SELECT value FROM person WHERE subject = 'user_' || a.id AND field = 'displayName')
        FROM account a WHERE a.id = CAST(?1 AS INTEGER)",
};
/// Nothing but the clock that comes with it.
const CLOCK: Sql =
    Sql { postgres: "SELECT '[]' WHERE $1::text[] IS NOT NULL", sqlite: "SELECT '[]' WHERE ?1 IS NOT NULL" };
/// Events of one moment: as many as one batch writes at most.
const RUN: i64 = 4_096;

/// A user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// The user's id.
    pub id: i64,
    /// Since when there is one.
    pub created_at: Moment,
    /// What was not erased.
    pub email: Option<String>,
    /// What was not erased.
    pub username: Option<String>,
    /// What was given and not erased.
    pub display_name: Option<String>,
}

/// A session of theirs, or a token without one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Person {
    /// All about it.
    #[serde(flatten)]
    pub door: Door,
    /// How it is now: `open`, `consumed`, `expired`, `revoked` or `ended`.
    pub state: &'static str,
    /// When they were there.
    pub stays: Vec<Stay>,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Found {
    /// What was asked for.
    pub asked: Asked,
    /// Users who are called that.
    pub users: Vec<User>,
    /// Sessions and tokens of whoever is called that, and those that such a user registered; the oldest first.
    pub sessions: Vec<Person>,
    /// Stays of theirs that no session is known for.
    pub stays: Vec<Stay>,
    /// Participants who are called that, and of whom the ledger says nothing any more: it is archived.
    pub archived: Vec<String>,
    /// Events up to here are archived, and were not looked at: what a user registered there is not known here.
    pub archived_through: u64,
    /// There are more than were looked for.
    pub more: bool,
    /// What is up to here was found by the index; what follows was looked at one by one.
    pub indexed: u64,
}

/// Whom the rows of names are about.
#[derive(Debug, Default)]
struct Subjects {
    participants: BTreeMap<String, ParticipantId>,
    users: BTreeSet<i64>,
    stays: BTreeSet<String>,
    /// With the moment at which it was recorded.
    issued: Vec<(String, i64)>,
}

impl Subjects {
    fn read(rows: &[Texts]) -> Self {
        let mut subjects = Self::default();
        for row in rows {
            let [Some(subject), Some(recorded_at)] = row.as_slice() else { continue };
            if let Some(user) = subject.strip_prefix("user_").and_then(|id| id.parse().ok()) {
                subjects.users.insert(user);
            } else if let Some(jti) = subject.strip_prefix("t_") {
                subjects.issued.push((jti.to_owned(), recorded_at.parse().unwrap_or_default()));
            } else if let Some(participant) = ParticipantId::named(subject) {
                subjects.participants.insert(subject.clone(), participant);
            } else {
                subjects.stays.insert(subject.clone());
            }
        }
        subjects
    }
}

/// Looks for somebody.
///
/// # Errors
/// The database is away.
pub async fn find(store: &Store, asked: Asked) -> Result<Found, SourceError> {
    let mut look = store.look().await?;
    let mut rows = match &asked {
        // The database's own lower case knows fewer letters than ours.
        Asked::Email(email) => look.matching(BY_EMAIL, &email.to_lowercase()).await?,
        Asked::Name(name) => look.matching(BY_NAME, name).await?,
        Asked::Identity(identity) => look.matching(BY_IDENTITY, identity).await?,
    };
    let more = rows.len() > MOST;
    rows.truncate(MOST);
    let mut subjects = Subjects::read(&rows);
    let mut users = Vec::new();
    for id in &subjects.users {
        users.extend(user(&mut look, *id).await?);
    }
    look.end().await;
    let mut session = store.connect().await?;
    let (events, reach) = events(store, &mut session, &mut subjects).await?;
    let mut history = History::of(&events);
    let people = People::read(&mut session, &history.subjects()).await?;
    history.name(&people);
    let (_, now) = session.select(CLOCK, &[]).await?;
    let unknown = |participant: &&String| !history.doors.contains_key(*participant);
    let archived = subjects.participants.keys().filter(unknown).cloned().collect();
    let sessions = history.people(Moment(now));
    let alone = |stay: &&Stay| !sessions.iter().any(|person| person.stays.contains(stay));
    let stays = history.stays.values().filter(alone).cloned().collect();
    let Reach { cut: archived_through, indexed, size: _ } = reach;
    Ok(Found { asked, users, sessions, stays, archived, archived_through, more, indexed })
}

async fn user(look: &mut Look, id: i64) -> Result<Option<User>, StoreError> {
    let rows = look.matching(USER, &id.to_string()).await?;
    let one = |row: Texts| {
        let mut texts = row.into_iter();
        let created_at = Moment(texts.next()??.parse().ok()?);
        let mut next = || texts.next().flatten();
        Some(User { id, created_at, email: next(), username: next(), display_name: next() })
    };
    Ok(rows.into_iter().find_map(one))
}

/// All events about them, and those of the sessions that such a user registered.
async fn events(
    store: &Store,
    session: &mut Session,
    subjects: &mut Subjects,
) -> Result<(Vec<Told>, Reach), SourceError> {
    let (mut events, mut within) = (Vec::new(), Within::ALL);
    for (jti, moment) in &subjects.issued {
        events.extend(issued(session, jti, *moment).await?);
    }
    if !subjects.users.is_empty() {
        let filter = Filter { users: subjects.users.iter().copied().collect(), ..Filter::default() };
        let registered = gather(store, &filter, &[], &mut within).await?.events;
        let whom = registered.iter().filter_map(Told::registers);
        subjects.participants.extend(whom.map(|participant| (participant.to_string(), participant.clone())));
    }
    let participants = Filter { participants: subjects.participants.values().cloned().collect(), ..Filter::default() };
    let stays = Filter { stays: subjects.stays.iter().cloned().collect(), ..Filter::default() };
    let mut reach = Reach::of(session).await?;
    for filter in [participants, stays].into_iter().filter(|filter| !filter.keys().is_empty()) {
        let gathered = gather(store, &filter, &[], &mut within).await?;
        reach = gathered.reach;
        events.extend(gathered.events);
    }
    events.sort_by_key(|told| told.seq);
    events.dedup_by_key(|told| told.seq);
    Ok((events, reach))
}

/// The event of a token without a session: the index has its room only, but it happened when its name was recorded.
async fn issued(session: &mut Session, jti: &str, moment: i64) -> Result<Option<Told>, StoreError> {
    let first = session.first_at(moment).await?;
    let after = i64::try_from(first).unwrap_or(i64::MAX).saturating_sub(1);
    let events = session.events(after, RUN).await?;
    let told = events.iter().filter(|(_, line)| line.contains(jti)).filter_map(|(_, line)| Told::read(line.as_bytes()));
    Ok(told.into_iter().find(|told| told.issues() == Some(jti)))
}

impl History {
    /// Everybody, with how they stand now and where they were.
    fn people(&self, now: Moment) -> Vec<Person> {
        let one = |door: &Door| Person {
            door: door.clone(),
            state: state_of(door, now),
            stays: self.stays_of(door).cloned().collect(),
        };
        let mut people: Vec<Person> = self.doors.values().map(one).collect();
        people.sort_by_key(|person| person.door.made.seq);
        people
    }
}

/// How it is at a moment, in the order in which a session is looked at.
pub(super) fn state_of(door: &Door, now: Moment) -> &'static str {
    if door.revoked.is_some() {
        "revoked"
    } else if door.ended.is_some() {
        "ended"
    } else if door.consumed.is_some() {
        "consumed"
    } else if door.expired.is_some() || door.expires_at <= now {
        "expired"
    } else {
        "open"
    }
}
