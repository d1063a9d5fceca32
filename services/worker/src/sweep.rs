//! The sweep: ends what has run out, once, whichever worker does it; and deletes what may be forgotten.

use std::sync::Arc;

use avanzacast_kit::{bus::CacheWriter, metrics};
use avanzacast_schemas::Event;
use rand::rngs::StdRng;
use tokio::{sync::Notify, time::Instant};
use tokio_util::sync::CancellationToken;

use crate::{
    guard::Guard,
    ledger::{AppendError, Appender},
    limits,
    service::{CacheWrite, Moment, Sweeps},
    store::{Plan, Session, Sql, Store, StoreError},
};

/// Ids that the edge made are UUID v7 in text, so they sort by age; a margin of an hour is for its clock. Bounded, so
/// that a long pause is caught up with in small steps.
const PRUNE_REQUESTS: Sql = Sql {
    postgres:
        "DELETE FROM inbox WHERE id IN (SELECT id FROM inbox WHERE id < lpad(to_hex(($1 - 4200000) >> 16), 8, '0')
        AND keep_until < $1 ORDER BY id LIMIT 5000)",
    sqlite: "DELETE FROM inbox WHERE id IN (SELECT id FROM inbox WHERE id < format('%08x', (?1 - 4200000) >> 16)
        AND keep_until < ?1 ORDER BY id LIMIT 5000)",
};
const PRUNE_KEYS: Sql = Sql {
    postgres: "DELETE FROM inbox WHERE id IN (SELECT id FROM inbox WHERE id >= 'k' AND keep_until < $1
        ORDER BY keep_until LIMIT 5000)",
    sqlite: "DELETE FROM inbox WHERE id IN (SELECT id FROM inbox WHERE id >= 'k' AND keep_until < ?1
        ORDER BY keep_until LIMIT 5000)",
};
/// A full step is followed by the next at once.
const PRUNED_FULL: u64 = 1_000;

/// Why a sweep came to nothing.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error(transparent)]
    Database(#[from] StoreError),
    #[error(transparent)]
    Ledger(#[from] AppendError),
}

/// One process's sweep.
pub struct Sweep<S> {
    service: Arc<S>,
    store: Store,
    guard: Guard,
    cache: CacheWriter,
    committed: Arc<Notify>,
    random: StdRng,
}

impl<S: Sweeps> Sweep<S> {
    /// Will sweep this store.
    pub fn new(service: Arc<S>, store: Store, guard: Guard, cache: CacheWriter, committed: Arc<Notify>) -> Self {
        Self { service, store, guard, cache, committed, random: rand::make_rng() }
    }

    /// Sweeps until the process stops.
    pub async fn run(mut self, stopping: CancellationToken) {
        let (mut session, mut pruned) = (None, Instant::now());
        while !stopping.is_cancelled() {
            let more = match self.turn(&mut session, &mut pruned).await {
                Ok(more) => more,
                Err(error) => {
                    session = None;
                    tracing::warn!(%error, source = std::error::Error::source(&error).map(tracing::field::display),
                        "the sweep pauses");
                    false
                }
            };
            if !more {
                tokio::select! {
                    () = tokio::time::sleep(limits::SWEEP) => {}
                    () = stopping.cancelled() => {}
                }
            }
        }
    }

    /// Answers whether there is more to do at once.
    async fn turn(&mut self, kept: &mut Option<Session>, pruned: &mut Instant) -> Result<bool, Failed> {
        let mut session = self.guard.session(&self.store, kept).await?;
        if self.guard.sound().await.is_err() {
            *kept = Some(session);
            return Ok(false);
        }
        // A look without the lock first: mostly there is nothing.
        let due = session.read::<&str>(S::DUE, &[], &[]).await?;
        let mut more = due.rows != "[]" && self.expire(&mut session).await?;
        if pruned.elapsed() > limits::PRUNE {
            let mut deleted = 0;
            for sql in S::PRUNE.iter().chain(&[PRUNE_REQUESTS, PRUNE_KEYS]) {
                deleted = deleted.max(session.execute(*sql, due.now).await?);
            }
            if deleted < PRUNED_FULL {
                *pruned = Instant::now();
            }
            more |= deleted >= PRUNED_FULL;
        }
        *kept = Some(session);
        Ok(more)
    }

    /// Ends what is due, with everybody else locked out, so that nothing is ended twice.
    async fn expire(&mut self, session: &mut Session) -> Result<bool, Failed> {
        session.lock().await?;
        let snapshot = session.read::<&str>(S::DUE, &[], &[]).await?;
        let mut state = self.service.load_due(&snapshot.rows)?;
        let mut ledger = Appender::new(&snapshot.head, snapshot.now)?;
        let mut moment = Moment { now: snapshot.now, random: &mut self.random };
        let (events, cache) = self.service.expire(&mut state, &mut moment);
        let count = events.len();
        for event in &events {
            ledger.append(event, &mut self.random)?;
        }
        let (bodies, frontier) = ledger.finish();
        let plan = Plan { bodies, frontier, changes: self.service.changes(&state) };
        session.write(snapshot.head.size, &plan).await?;
        session.commit().await?;
        self.committed.notify_one();
        let expired = events.iter().filter(|event| matches!(event, Event::SessionExpired(_))).count();
        metrics::worker().expired.increment(u64::try_from(expired).unwrap_or_default());
        tracing::debug!(service = S::NAME, count, "swept");
        self.forget(cache).await;
        Ok(count > 0)
    }

    /// An expired entry says so itself; that it is replaced early only saves memory, so a failure is nothing.
    async fn forget(&self, cache: Vec<CacheWrite>) {
        let ends = cache
            .into_iter()
            .filter_map(|write| match write {
                CacheWrite::End(id, value) => Some((id, value)),
                CacheWrite::Fill(..) => None,
            })
            .collect();
        if let Err(error) = self.cache.end(ends, limits::SWEEP * 60).await {
            tracing::debug!(%error, "expired sessions stay in the cache until their time");
        }
    }
}
