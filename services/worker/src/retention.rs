//! Forgets what people were called when that has become old, whichever worker does it.
//!
//! Values of users and broadcasts go only with them. How many there were, and from before when, is an event, written in the
//! same transaction.

use std::{sync::Arc, time::Duration};

use avanzacast_kit::time;
use avanzacast_schemas::{Actor, ActorKind, Event, PersonExpired};
use rand::rngs::StdRng;
use serde::Deserialize;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::{
    guard::Guard,
    ledger::{AppendError, Appender},
    limits, person,
    store::{Cell, Change, Kind, Op, Plan, Session, Sql, Store, StoreError, Table, decode},
};

/// How often it is looked for what has become old: days pass slowly.
const INTERVAL: Duration = Duration::from_secs(30);

/// What a stay says beside `person`.
static PRESENCE: Table = Table { name: "presence", columns: &[("sid", Kind::Text), ("identity", Kind::Text)] };

/// What was recorded before a moment, the only key: of 500 subjects how many values, and stays that say the same once
/// more (of whoever a session let in, or under the same name in the same room). `{people: [[subject, count]], stays: [sid]}`.
const OLD: Sql = Sql {
    postgres: "WITH old AS (SELECT DISTINCT subject FROM (SELECT subject FROM person
            WHERE recorded_at < ($1::text[])[1]::bigint AND subject !~ '^(user|broadcast)_'
            ORDER BY recorded_at LIMIT 500) o),
        stay AS (SELECT p.sid, p.room, p.identity FROM old JOIN presence p ON p.sid = old.subject
            UNION SELECT p.sid, p.room, p.identity FROM old JOIN presence p ON p.participant = old.subject
                WHERE p.identity <> p.participant)
        SELECT json_build_object(
            'people', (SELECT json_agg(json_build_array(subject, count)) FROM (
                SELECT subject, count(*) FROM person WHERE subject IN (SELECT subject FROM old) GROUP BY subject) c),
            'stays', (SELECT json_agg(DISTINCT p.sid) FROM stay s
                JOIN presence p ON p.room = s.room AND p.identity = s.identity
                WHERE p.identity <> 'unknown:' || p.sid))",
    sqlite: r"WITH old AS (SELECT DISTINCT subject FROM (SELECT subject FROM person
            WHERE recorded_at < CAST(?1 ->> 0 AS INTEGER)
                AND subject NOT LIKE 'user\_%' ESCAPE '\' AND subject NOT LIKE 'broadcast\_%' ESCAPE '\'
            ORDER BY recorded_at LIMIT 500)),
        stay AS (SELECT p.sid, p.room, p.identity FROM old JOIN presence p ON p.sid = old.subject
            UNION SELECT p.sid, p.room, p.identity FROM old JOIN presence p ON p.participant = old.subject
                WHERE p.identity <> p.participant)
        SELECT json_object(
            'people', json((SELECT json_group_array(json_array(subject, count)) FROM (
                SELECT subject, count(*) AS count FROM person WHERE subject IN (SELECT subject FROM old)
                GROUP BY subject))),
            'stays', json((SELECT json_group_array(DISTINCT p.sid) FROM stay s
                JOIN presence p ON p.room = s.room AND p.identity = s.identity
                WHERE p.identity <> 'unknown:' || p.sid)))",
};

/// What [`OLD`] finds.
#[derive(Debug, Default, Deserialize)]
struct Old {
    people: Option<Vec<(String, u32)>>,
    stays: Option<Vec<String>>,
}

#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error(transparent)]
    Database(#[from] StoreError),
    #[error(transparent)]
    Ledger(#[from] AppendError),
}

/// One process's forgetting.
pub struct Retention {
    keep: Duration,
    store: Store,
    guard: Guard,
    committed: Arc<Notify>,
    random: StdRng,
}

impl Retention {
    /// Will keep values for so long.
    pub fn new(keep: Duration, store: Store, guard: Guard, committed: Arc<Notify>) -> Self {
        Self { keep, store, guard, committed, random: rand::make_rng() }
    }

    /// Forgets until the process stops.
    pub async fn run(mut self, stopping: CancellationToken) {
        let mut session = None;
        while !stopping.is_cancelled() {
            let pause = match self.turn(&mut session).await {
                Ok(true) => continue,
                Ok(false) => INTERVAL,
                Err(error) => {
                    session = None;
                    tracing::warn!(%error, source = std::error::Error::source(&error).map(tracing::field::display),
                        "what is old is not forgotten now");
                    limits::SWEEP
                }
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = stopping.cancelled() => {}
            }
        }
    }

    /// Answers whether there may be more.
    async fn turn(&mut self, kept: &mut Option<Session>) -> Result<bool, Failed> {
        let mut session = self.guard.session(&self.store, kept).await?;
        let mut more = false;
        if self.guard.sound().await.is_ok() {
            // A look without the lock first: mostly there is nothing.
            let (_, now) = session.select(NOW, &[]).await?;
            more = self.old(&mut session, now).await?.people.is_some_and(|people| !people.is_empty())
                && self.forget(&mut session).await?;
        }
        *kept = Some(session);
        Ok(more)
    }

    async fn old(&self, session: &mut Session, now: i64) -> Result<Old, StoreError> {
        let (found, _) = session.select(OLD, &[self.before(now).to_string()]).await?;
        decode(&found)
    }

    fn before(&self, now: i64) -> i64 {
        now.saturating_sub(i64::try_from(self.keep.as_millis()).unwrap_or(i64::MAX))
    }

    /// With everybody else locked out, so that nothing is counted twice.
    async fn forget(&mut self, session: &mut Session) -> Result<bool, Failed> {
        session.lock().await?;
        let snapshot = session.read::<&str>(NOW, &[], &[]).await?;
        let Old { people, stays } = self.old(session, snapshot.now).await?;
        let (people, stays) = (people.unwrap_or_default(), stays.unwrap_or_default());
        let mut ledger = Appender::new(&snapshot.head, snapshot.now)?;
        let values = people.iter().fold(0_u32, |sum, (_, count)| sum.saturating_add(*count));
        let count = values.saturating_add(u32::try_from(stays.len()).unwrap_or(u32::MAX));
        if count > 0 {
            let before = time::rfc3339(self.before(snapshot.now));
            let event = PersonExpired { actor: Actor::of(ActorKind::Sweep), count, before };
            ledger.append(&Event::PersonExpired(event), &mut self.random)?;
        }
        let (bodies, frontier) = ledger.finish();
        let changes = changes(people, stays);
        session.write(snapshot.head.size, &Plan { bodies, frontier, changes }).await?;
        session.commit().await?;
        self.committed.notify_one();
        tracing::debug!(count, "what was old is forgotten");
        Ok(count > 0)
    }
}

/// Nothing but the clock.
const NOW: Sql =
    Sql { postgres: "SELECT '[]'::json WHERE $1::text[] IS NOT NULL", sqlite: "SELECT '[]' WHERE ?1 IS NOT NULL" };

fn changes(people: Vec<(String, u32)>, stays: Vec<String>) -> Vec<Change> {
    // As for somebody who is erased.
    let nobody = |sid: String| -> Vec<Cell> { vec![sid.as_str().into(), format!("unknown:{sid}").into()] };
    let rows: Vec<_> = stays.into_iter().map(nobody).collect();
    let stays = (!rows.is_empty()).then_some(Change { table: &PRESENCE, op: Op::Update, rows });
    person::forget(people.into_iter().map(|(subject, _)| subject)).into_iter().chain(stays).collect()
}
