//! Watches that the database has not lost what others have seen.
//!
//! EVENTS is a copy of the ledger. When it goes further than the ledger, or says something else at the same place,
//! the database is an old one: a restored backup, a failover that lost its last transactions. Appending to it would
//! give second events to sequences that readers already know, so nothing is appended until somebody has looked.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use avanzacast_kit::{
    bus::{EventsStream, EventsTail},
    metrics,
};
use avanzacast_schemas::Code;
use tokio::{sync::watch, time::timeout};
use tokio_util::sync::CancellationToken;

use crate::store::{Head, Session, Store, StoreError};

/// How often it looks when nothing suggests that it should.
const INTERVAL: Duration = Duration::from_secs(1);
/// How soon it looks again when it could not see.
const RETRY: Duration = Duration::from_millis(100);
/// How long a start waits for a bus and a database that are only coming up.
const FIRST_LOOK: Duration = Duration::from_secs(5);
/// How long a batch waits for a look that is under way.
const PATIENCE: Duration = Duration::from_secs(1);

/// What is known about the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Not looked at since the database was last connected to.
    Unknown,
    /// EVENTS and the ledger agree.
    Sound,
    /// EVENTS knows events that the ledger does not have, or has otherwise.
    Behind,
    /// EVENTS is a copy of another ledger.
    Foreign,
}

/// The watch's result, shared by a worker's loops.
#[derive(Debug, Clone)]
pub struct Guard {
    standing: watch::Sender<Standing>,
    database: watch::Sender<bool>,
    suspicions: Arc<AtomicU64>,
}

impl Default for Guard {
    fn default() -> Self {
        Self {
            standing: watch::Sender::new(Standing::Unknown),
            database: watch::Sender::new(false),
            suspicions: Arc::default(),
        }
    }
}

impl Guard {
    /// A new connection may be to another database: look before anything is written to it.
    pub fn suspect(&self) {
        self.suspicions.fetch_add(1, Ordering::SeqCst);
        self.standing.send_if_modified(|standing| {
            let sound = *standing == Standing::Sound;
            if sound {
                *standing = Standing::Unknown;
            }
            sound
        });
    }

    /// The session that a loop kept, or a new one, after which somebody has to look.
    ///
    /// # Errors
    /// The database is away.
    pub(crate) async fn session(&self, store: &Store, kept: &mut Option<Session>) -> Result<Session, StoreError> {
        if let Some(session) = kept.take() {
            return Ok(session);
        }
        let session = store.connect().await?;
        self.suspect();
        Ok(session)
    }

    /// Waits for a look, if one is due.
    ///
    /// # Errors
    /// Why nothing may be appended.
    pub async fn sound(&self) -> Result<(), Code> {
        let mut standing = self.standing.subscribe();
        let known = timeout(PATIENCE, standing.wait_for(|standing| *standing != Standing::Unknown)).await;
        match known.ok().and_then(Result::ok).map(|standing| *standing) {
            Some(Standing::Sound) => Ok(()),
            Some(Standing::Behind | Standing::Foreign) => Err(Code::LedgerBehind),
            Some(Standing::Unknown) | None => Err(Code::DatabaseUnavailable),
        }
    }

    /// What the first look finds; nothing, when for a while nobody could look.
    pub async fn first_look(&self) -> Standing {
        let mut standing = self.standing.subscribe();
        let known = timeout(FIRST_LOOK, standing.wait_for(|standing| *standing != Standing::Unknown)).await;
        known.ok().and_then(Result::ok).map_or(Standing::Unknown, |standing| *standing)
    }

    /// Whether the ledger may be relayed.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        *self.standing.borrow() == Standing::Sound
    }

    /// Whether the database was seen to be another than EVENTS knows, so that nothing may be appended to it.
    #[must_use]
    pub fn is_behind(&self) -> bool {
        matches!(*self.standing.borrow(), Standing::Behind | Standing::Foreign)
    }

    /// Whether the database answered at the last look.
    #[must_use]
    pub fn database_answers(&self) -> bool {
        *self.database.borrow()
    }

    /// Resolves when the database has answered.
    pub async fn database_back(&self) {
        // The sender is `self`, so the channel is open.
        drop(self.database.subscribe().wait_for(|answers| *answers).await);
    }

    /// Looks, for as long as the process lives.
    pub async fn watch(self, store: Store, events: EventsStream, stopping: CancellationToken) {
        let (mut session, mut said) = (None, None);
        let mut standing = self.standing.subscribe();
        while !stopping.is_cancelled() {
            let seen = self.look(&store, &mut session, &events, &mut said).await;
            let pause = if seen { INTERVAL } else { RETRY };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                // Somebody suspects; but a look that fails is not repeated without a pause.
                _ = standing.wait_for(|standing| seen && *standing == Standing::Unknown) => {}
                () = stopping.cancelled() => {}
            }
        }
    }

    /// Answers whether it could see. Says what it sees when that is news.
    async fn look(
        &self,
        store: &Store,
        session: &mut Option<Session>,
        events: &EventsStream,
        said: &mut Option<(Standing, bool)>,
    ) -> bool {
        let suspicions = self.suspicions.load(Ordering::SeqCst);
        // EVENTS first: what it has by then, the ledger must have when it is read afterwards.
        let tail = events.tail().await;
        let ledger = read_ledger(store, session, tail.as_ref().ok().and_then(Option::as_ref)).await;
        self.database.send_if_modified(|known| std::mem::replace(known, ledger.is_ok()) != ledger.is_ok());
        metrics::worker().database_up.set(if ledger.is_ok() { 1.0 } else { 0.0 });
        if ledger.is_err() {
            // What comes back may be another database, and others may reach it first.
            self.suspect();
            *said = None;
        }
        let (Ok(tail), Ok((head, body))) = (tail, ledger) else { return false };
        let Some(found) = compare(tail.as_ref(), &head, body.as_deref(), events).await else { return false };
        if self.suspicions.load(Ordering::SeqCst) != suspicions {
            // Somebody has connected in the meantime, perhaps to another database than was looked at.
            return false;
        }
        metrics::worker().ledger(head.size, tail.as_ref().map(|tail| tail.last), found == Standing::Sound);
        self.standing.send_replace(found);
        // Every new connection is a reason to look again, and seldom news.
        let news = (found, tail.is_some());
        if said.replace(news) != Some(news) {
            report(found, &head, tail.as_ref());
        }
        true
    }
}

/// What somebody sees who only looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// How ledger and EVENTS stand.
    pub standing: Standing,
    /// Events in the ledger.
    pub ledger: i64,
    /// Where EVENTS ends; `None` when there is no such stream.
    pub events: Option<u64>,
}

/// One look, over a session of one's own; `None` when bus or database does not answer.
pub async fn look_once(store: &Store, session: Session, events: &EventsStream) -> Option<Seen> {
    let tail = events.tail().await.ok()?;
    let (head, body) = read_ledger(store, &mut Some(session), tail.as_ref()).await.ok()?;
    let standing = compare(tail.as_ref(), &head, body.as_deref(), events).await?;
    Some(Seen { standing, ledger: head.size, events: tail.map(|tail| tail.last) })
}

type Ledger = (Head, Option<String>);

/// The head, and the event at the place where EVENTS ends.
async fn read_ledger(store: &Store, session: &mut Option<Session>, tail: Option<&EventsTail>) -> Result<Ledger, ()> {
    let mut open = match session.take() {
        Some(open) => open,
        None => store.connect().await.map_err(|error| tracing::warn!(%error, source = ?error, "no database"))?,
    };
    let head = open.head().await.map_err(|error| tracing::warn!(%error, "the database is away"))?;
    let last = tail.map_or(0, |tail| i64::try_from(tail.last).unwrap_or(i64::MAX));
    let body = if last > 0 && last <= head.size {
        let found = open.events(last - 1, 1).await.map_err(|error| tracing::warn!(%error, "the database is away"))?;
        found.into_iter().next().map(|(_, body)| body)
    } else {
        None
    };
    *session = Some(open);
    Ok((head, body))
}

async fn compare(
    tail: Option<&EventsTail>,
    head: &Head,
    body: Option<&str>,
    events: &EventsStream,
) -> Option<Standing> {
    // Without a stream there is nothing to be behind of.
    let Some(tail) = tail else { return Some(Standing::Sound) };
    if tail.ledger_id.as_deref() != Some(&head.ledger_id) {
        return Some(Standing::Foreign);
    }
    if tail.last > u64::try_from(head.size).unwrap_or_default() {
        return Some(Standing::Behind);
    }
    if tail.last == 0 || tail.last < tail.first {
        return Some(Standing::Sound);
    }
    let copy = events.event(tail.last).await.ok()?;
    // A stream that was cut short in between has nothing there any more, and nothing to say.
    let same = copy.is_none_or(|copy| body.is_some_and(|body| body.as_bytes() == copy));
    Some(if same { Standing::Sound } else { Standing::Behind })
}

fn report(standing: Standing, head: &Head, tail: Option<&EventsTail>) {
    let (ledger, events) = (head.size, tail.map(|tail| tail.last));
    match standing {
        Standing::Unknown => {}
        Standing::Sound if events.is_none() => {
            tracing::warn!(ledger, "there is no EVENTS stream; `avanzacast provision` makes it");
        }
        Standing::Sound => tracing::info!(ledger, events, "ledger and EVENTS agree"),
        Standing::Behind => tracing::error!(
            ledger,
            events,
            "ledger_behind: EVENTS has events that this database lost or has otherwise; commands are refused. \
             Restore the newer database, or reconcile it from EVENTS"
        ),
        Standing::Foreign => tracing::error!(
            ledger_id = head.ledger_id,
            events_ledger_id = tail.and_then(|tail| tail.ledger_id.as_deref()),
            "ledger_foreign: EVENTS is a copy of another ledger; commands are refused. Use the database that \
             belongs to this bus, or delete the stream and run `avanzacast provision`"
        ),
    }
}
