//! Takes dead letters away that name somebody who was erased.
//!
//! What was erased stands in the table `scrub` until the letters have been looked through, written there in the same
//! transaction: whoever is killed in between, or finds no bus, leaves it to whoever looks next.
//!
//! Then it is to be nowhere. SQLite overwrites it in its file, but the log beside the file keeps pages as they were until
//! they are written over, which on a quiet day may take long: so that is emptied, too.

mod letter;

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use avanzacast_kit::{
    bus::{Bus, DeadError, DeadStream},
    lifecycle::Lifecycle,
};
use avanzacast_worker::store::{Session, Sql, Store, StoreError, decode};
use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use self::letter::names;

/// How often it is looked whether there is something to do: a look at a table that is nearly always empty.
const INTERVAL: Duration = Duration::from_secs(1);
/// How long it waits after it could not do it.
const RETRY: Duration = Duration::from_secs(5);
/// How long an identity waits for the room worker to put its owner out. A room worker that LiveKit keeps waiting for
/// longer than letters live (a week) has other troubles.
const LONGEST_MS: i64 = 7 * 24 * 60 * 60 * 1000;
/// How long what has merely grown old may stand in the database's log. Emptying it makes commits wait, so not oftener.
const EMPTY_EVERY: Duration = Duration::from_secs(60);

/// What has been erased, some of it at a time: `[{id, texts, recorded_at}]`, and how far the room worker has come and the
/// ledger goes.
const WAITING: Sql = Sql {
    postgres: "SELECT json_build_object('rows', (SELECT json_agg(json_build_array(id, texts, recorded_at)) FROM (
            SELECT * FROM scrub WHERE $1::text[] IS NOT NULL ORDER BY id LIMIT 1000) s),
        'reached', (SELECT position FROM reactor WHERE name = 'room'), 'size', (SELECT size FROM ledger_head))",
    sqlite: "SELECT json_object('rows', json((SELECT json_group_array(json_array(id, texts, recorded_at)) FROM (
            SELECT * FROM scrub WHERE ?1 IS NOT NULL ORDER BY id LIMIT 1000))),
        'reached', (SELECT position FROM reactor WHERE name = 'room'), 'size', (SELECT size FROM ledger_head))",
};
const DONE: Sql = Sql {
    postgres: "DELETE FROM scrub WHERE id = ANY($1)",
    sqlite: "DELETE FROM scrub WHERE id IN (SELECT value FROM json_each(?1))",
};

#[derive(Deserialize)]
struct Waiting {
    rows: Option<Vec<(String, String, i64)>>,
    reached: i64,
    size: i64,
}

#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error(transparent)]
    Database(#[from] StoreError),
    #[error(transparent)]
    Dead(#[from] DeadError),
}

/// Something that was erased.
struct Erased {
    id: String,
    texts: Vec<String>,
    recorded_at: i64,
}

impl Erased {
    /// Whether the room worker finds here whom it has to put out: a participant of ours is its own identity.
    fn names_a_foreigner(&self) -> bool {
        let own = self.id.split_once('.').map(|(subject, _)| subject);
        own.is_some_and(|own| own.starts_with("p_") && self.texts.first().is_some_and(|first| first != own))
    }
}

/// One process's scrubbing.
struct Scrub {
    store: Store,
    bus: Bus,
    session: Option<Session>,
    /// Rows whose letters are gone, and how far the ledger went when that was first seen.
    clean: HashMap<String, i64>,
    /// When the database's log was emptied; nothing, when somebody was erased since, or may have been before a start.
    emptied: Option<Instant>,
}

/// Scrubs beside a running worker. Several may do so at once.
pub fn scrub(store: Store, bus: &Bus, life: &Lifecycle) {
    let scrub = Scrub { store, bus: bus.clone(), session: None, clean: HashMap::new(), emptied: None };
    life.essential("scrubbing dead letters", scrub.run(life.stopping()));
}

impl Scrub {
    async fn run(mut self, stopping: CancellationToken) {
        while !stopping.is_cancelled() {
            let turned = tokio::select! {
                turned = self.turn() => turned,
                () = stopping.cancelled() => return,
            };
            let pause = turned.map_or_else(
                |error| {
                    self.session = None;
                    tracing::warn!(%error, source = std::error::Error::source(&error).map(tracing::field::display),
                        "what was erased may still stand in dead letters; it will be tried again");
                    RETRY
                },
                |()| INTERVAL,
            );
            self.empty_log().await;
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = stopping.cancelled() => return,
            }
        }
    }

    async fn turn(&mut self) -> Result<(), Failed> {
        let mut session = match self.session.take() {
            Some(session) => session,
            None => self.store.connect().await?,
        };
        let (found, now) = session.select(WAITING, &[]).await?;
        let Waiting { rows, reached, size } = decode(&found)?;
        let mut waiting = Vec::new();
        for (id, texts, recorded_at) in rows.into_iter().flatten() {
            waiting.push(Erased { id, texts: decode(&texts)?, recorded_at });
        }
        self.clean.retain(|id, _| waiting.iter().any(|erased| erased.id == *id));
        let new: Vec<&Erased> = waiting.iter().filter(|erased| !self.clean.contains_key(&erased.id)).collect();
        if !new.is_empty() {
            self.letters(&new).await?;
            self.clean.extend(new.iter().map(|erased| (erased.id.clone(), size)));
        }
        let passed = |erased: &Erased| self.clean.get(&erased.id).is_some_and(|size| reached >= *size);
        let done = waiting
            .iter()
            .filter(|erased| !erased.names_a_foreigner() || passed(erased) || now - erased.recorded_at > LONGEST_MS);
        let done: Vec<String> = done.map(|erased| erased.id.clone()).collect();
        if !done.is_empty() {
            session.amend(DONE, &done).await?;
            self.emptied = None;
        }
        self.session = Some(session);
        Ok(())
    }

    /// Empties the database's log when it is time; the next turn tries again what somebody's reading prevents.
    async fn empty_log(&mut self) {
        if self.emptied.is_some_and(|emptied| emptied.elapsed() < EMPTY_EVERY) {
            return;
        }
        match self.store.empty_log().await {
            Ok(true) => self.emptied = Some(Instant::now()),
            Ok(false) => {}
            Err(error) => tracing::debug!(%error, "the database's log is emptied later"),
        }
    }

    /// Looks through all letters, and takes away those that name somebody.
    async fn letters(&self, erased: &[&Erased]) -> Result<(), Failed> {
        let dead = DeadStream::open(self.bus.clone()).await?;
        let texts = erased.iter().flat_map(|erased| &erased.texts).map(String::as_str).collect();
        let (mut next, mut gone) = (1, 0_u32);
        while let Some(letter) = dead.next(next).await? {
            next = letter.sequence + 1;
            if names(&letter, &texts) && dead.remove(letter.sequence).await? {
                gone += 1;
            }
        }
        if gone > 0 {
            tracing::info!(letters = gone, "dead letters that named somebody erased are gone");
        }
        Ok(())
    }
}
