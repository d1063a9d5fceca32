//! Copies the ledger to EVENTS, in order.
//!
//! It keeps no state: it reads where EVENTS ends and publishes what follows. Every event names its predecessor, so two
//! relays can never interleave, and after any refusal it looks again; a stream that lost its tail, or was deleted and
//! made anew, is refilled.

use std::{sync::Arc, time::Duration};

use avanzacast_kit::bus::EventsStream;
use bytes::Bytes;
use serde::Deserialize;
use tokio::{sync::Notify, time::Instant};
use tokio_util::sync::CancellationToken;

use crate::{
    guard::Guard,
    store::{Session, Store},
};

/// How often the ledger is read when no batch of this process says that it grew: others write it too.
const POLL: Duration = Duration::from_millis(100);
/// Pause between two runs, so that under load one run carries many batches.
const GATHER: Duration = Duration::from_millis(20);
/// How often the stream's end is looked at although nobody else should have moved it.
const LOOK: Duration = Duration::from_secs(5);
/// After a failure, and between attempts to be the one that relays.
const RETRY: Duration = Duration::from_millis(500);
/// Events in one run: some 600 KB.
const RUN: i64 = 1_000;

/// The relay of one process.
#[derive(Debug)]
pub struct Relay {
    store: Store,
    events: EventsStream,
    guard: Guard,
    committed: Arc<Notify>,
}

#[derive(Deserialize)]
struct Kind<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
}

/// Why a turn as the relay ended.
#[derive(Debug, thiserror::Error)]
enum Lost {
    #[error(transparent)]
    Database(#[from] crate::store::StoreError),
    #[error(transparent)]
    Events(#[from] avanzacast_kit::bus::EventsError),
    #[error("a line of the ledger is not an event")]
    Line(#[from] serde_json::Error),
    #[error("there is no EVENTS stream")]
    NoStream,
}

impl Relay {
    /// Will relay for this store, and hears of commits by `committed`.
    #[must_use]
    pub fn new(store: Store, events: EventsStream, guard: Guard, committed: Arc<Notify>) -> Self {
        Self { store, events, guard, committed }
    }

    /// Relays whenever this process is the one to do so.
    pub async fn run(self, stopping: CancellationToken) {
        while !stopping.is_cancelled() {
            if let Err(error) = self.turn(&stopping).await {
                tracing::warn!(%error, source = std::error::Error::source(&error).map(tracing::field::display),
                    "the relay pauses");
            }
            tokio::select! {
                () = tokio::time::sleep(RETRY) => {}
                () = stopping.cancelled() => {}
            }
        }
    }

    /// One turn: ends when another process relays, or something failed.
    async fn turn(&self, stopping: &CancellationToken) -> Result<(), Lost> {
        let mut session = self.store.connect().await?;
        if !session.lead().await? {
            return Ok(());
        }
        self.guard.suspect();
        let (mut end, mut looked) = (self.end().await?, Instant::now());
        while !stopping.is_cancelled() {
            if looked.elapsed() > LOOK {
                (end, looked) = (self.end().await?, Instant::now());
            }
            if !self.guard.is_sound() {
                // The lock stays ours, and the session awake.
                session.head().await?;
                tokio::time::sleep(POLL).await;
                continue;
            }
            match self.copy(&mut session, end).await? {
                Some(copied) if copied > end => {
                    end = copied;
                    tokio::time::sleep(GATHER).await;
                }
                Some(_) => drop(tokio::time::timeout(POLL, self.committed.notified()).await),
                None => {
                    tokio::time::sleep(POLL).await;
                    (end, looked) = (self.end().await?, Instant::now());
                }
            }
        }
        Ok(())
    }

    async fn end(&self) -> Result<i64, Lost> {
        let tail = self.events.tail().await?.ok_or(Lost::NoStream)?;
        Ok(i64::try_from(tail.last).unwrap_or(i64::MAX))
    }

    /// Copies one run, and says where EVENTS ends now; `None` when it does not end where it was thought to.
    async fn copy(&self, session: &mut Session, end: i64) -> Result<Option<i64>, Lost> {
        let lines = session.events(end, RUN).await?;
        if lines.is_empty() {
            return Ok(Some(end));
        }
        let mut events = Vec::with_capacity(lines.len());
        for (_, body) in lines {
            let kind = serde_json::from_str::<Kind<'_>>(&body)?.kind.to_owned();
            events.push((kind, Bytes::from(body)));
        }
        match self.events.append(u64::try_from(end).unwrap_or_default(), events).await {
            Ok(last) => Ok(Some(i64::try_from(last).unwrap_or(i64::MAX))),
            Err(error) => {
                tracing::info!(%error, end, "EVENTS ends elsewhere; looking again");
                Ok(None)
            }
        }
    }
}
