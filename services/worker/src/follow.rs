//! Whoever follows the ledger: one loop for all of them, which takes the lease, reads what comes next, and writes what it came
//! to together with the position.

use std::{
    future::Future,
    time::{Duration, Instant},
};

use avanzacast_kit::{
    bus::{Bus, EventsRead, EventsReader},
    metrics,
};
use avanzacast_schemas::bus::BusUser;
use bytes::Bytes;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    guard::Guard,
    limits,
    store::{Advance, Change, Lease, Session, Store, StoreError},
};

/// How long a lease lasts: longer than what is done between two renewals, a wait or a call of some seconds.
const LEASE: Duration = Duration::from_secs(20);
/// How often it is renewed.
const RENEW: Duration = Duration::from_secs(5);
/// How often a position is written that only passed events by.
const SAVE: Duration = Duration::from_secs(1);
/// How often another process looks whether the lease is free.
const ASIDE: Duration = Duration::from_secs(2);
/// First and longest pause before an event is tried again.
const AGAIN: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(5));

/// What was to be done outside could not be done now, and may be possible later: why.
#[derive(Debug, Clone)]
pub struct NotNow(pub String);

/// What some events came to.
#[derive(Debug)]
pub enum Step {
    /// So many of them are done with. The rows to be written with that; without any, the position need not be written at
    /// once either, for to pass them once more is nothing.
    Passed(usize, Option<Vec<Change>>),
    /// The outside is away.
    NotNow(NotNow),
}

/// Whoever follows the ledger event by event: every [`Reactor`](crate::Reactor), and what needs each line as it is.
pub trait Follow: Send + 'static {
    /// Its name, which is that of its row.
    const NAME: &'static str;
    /// Whose connection it reads EVENTS over.
    const USER: BusUser;
    /// Events read at once, at most.
    const RUN: usize;
    /// Lets events gather under load, instead of taking them by twos and threes.
    const GATHER: Duration;

    /// Takes the events that follow a position: none, some of them, or all.
    fn step(
        &mut self,
        session: &mut Session,
        position: i64,
        events: &[Bytes],
    ) -> impl Future<Output = Result<Step, StoreError>> + Send;

    /// Nothing has happened for a few seconds. Rows to be written all the same.
    fn rest(
        &mut self,
        _session: &mut Session,
        _position: i64,
    ) -> impl Future<Output = Result<Option<Vec<Change>>, StoreError>> + Send {
        std::future::ready(Ok(None))
    }
}

/// How a turn went.
enum Turn {
    /// Something was read, or waited for.
    On,
    /// Another process leads.
    Aside,
    /// The outside is away.
    NotNow(NotNow),
}

/// What a process that leads remembers.
#[derive(Debug, Clone, Copy)]
struct Lead {
    /// The last event that is done with.
    position: i64,
    /// The same as the database has it. Events that ask for nothing move it now and then only: to pass them once more is
    /// nothing.
    saved: i64,
    saved_at: Instant,
    renewed_at: Instant,
}

/// Runs whoever follows.
pub struct Follower<F> {
    follow: F,
    store: Store,
    guard: Guard,
    events: EventsReader,
    owner: String,
    lead: Option<Lead>,
    leading: watch::Sender<bool>,
    /// Whether it was said that the stream begins later.
    behind: bool,
}

impl<F: Follow> Follower<F> {
    /// Will read EVENTS over this connection.
    #[must_use]
    pub fn new(follow: F, store: Store, guard: Guard, bus: &Bus) -> Self {
        metrics::reactor_waits(F::NAME, false);
        let events = EventsReader::new(bus, F::USER);
        let owner = uuid::Uuid::now_v7().to_string();
        Self { follow, store, guard, events, owner, lead: None, leading: watch::Sender::new(false), behind: false }
    }

    /// Whether this process leads.
    #[must_use]
    pub fn leading(&self) -> watch::Receiver<bool> {
        self.leading.subscribe()
    }

    /// Follows until the process stops.
    pub async fn run(mut self, stopping: CancellationToken) {
        let (mut session, mut patience) = (None, Patience::default());
        while !stopping.is_cancelled() {
            let turn = tokio::select! {
                turn = self.turn(&mut session) => turn,
                () = stopping.cancelled() => break,
            };
            let pause = match turn {
                Ok(Turn::On) => {
                    patience.restored(F::NAME);
                    continue;
                }
                Ok(Turn::Aside) => {
                    self.step_down();
                    ASIDE
                }
                Ok(Turn::NotNow(NotNow(reason))) => patience.lost(F::NAME, &reason),
                Err(error) => {
                    session = None;
                    self.step_down();
                    tracing::warn!(%error, reactor = F::NAME,
                        source = std::error::Error::source(&error).map(tracing::field::display), "pauses");
                    limits::SWEEP
                }
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = stopping.cancelled() => break,
            }
        }
        // A turn that was broken off took its session along.
        let session = match session {
            None if self.lead.is_some() => self.store.connect().await.ok(),
            session => session,
        };
        if let Some(mut session) = session {
            drop(self.save(&mut session, &[]).await);
            if self.lead.is_some() {
                // The next one need not wait until it runs out.
                drop(session.lease(F::NAME, &self.owner, 0).await);
            }
        }
    }

    fn step_down(&mut self) {
        self.lead = None;
        self.leading.send_replace(false);
    }

    async fn turn(&mut self, kept: &mut Option<Session>) -> Result<Turn, StoreError> {
        let mut session = self.guard.session(&self.store, kept).await?;
        // A database that lost events must not be acted on.
        let turn = if self.guard.sound().await.is_ok() && self.leads(&mut session).await? {
            self.follow(&mut session).await?
        } else {
            Turn::Aside
        };
        *kept = Some(session);
        Ok(turn)
    }

    /// Takes or keeps the lease.
    async fn leads(&mut self, session: &mut Session) -> Result<bool, StoreError> {
        if self.lead.is_some_and(|lead| lead.renewed_at.elapsed() < RENEW) {
            return Ok(true);
        }
        let (renewed_at, ms) = (Instant::now(), i64::try_from(LEASE.as_millis()).unwrap_or(i64::MAX));
        let lease = session.lease(F::NAME, &self.owner, ms).await?;
        self.lead = lease.map(|Lease { position: saved }| match self.lead.take() {
            Some(lead) if lead.saved == saved => Lead { renewed_at, ..lead },
            Some(_) | None => {
                metrics::reactor_position(F::NAME, saved);
                Lead { position: saved, saved, saved_at: renewed_at, renewed_at }
            }
        });
        self.leading.send_replace(self.lead.is_some());
        Ok(self.lead.is_some())
    }

    /// Reads on from the position, and takes what is there.
    async fn follow(&mut self, session: &mut Session) -> Result<Turn, StoreError> {
        let Some(position) = self.lead.map(|lead| lead.position) else { return Ok(Turn::Aside) };
        let events = self.read(session, position).await?;
        let mut rest = events.as_slice();
        while !rest.is_empty() {
            let Some(lead) = &mut self.lead else { return Ok(Turn::Aside) };
            match self.follow.step(session, lead.position, rest).await? {
                Step::NotNow(not_now) => return Ok(Turn::NotNow(not_now)),
                Step::Passed(passed, changes) => {
                    lead.position += i64::try_from(passed).unwrap_or_default();
                    rest = rest.get(passed..).unwrap_or_default();
                    if let Some(changes) = changes
                        && !self.save(session, &changes).await?
                    {
                        return Ok(Turn::Aside);
                    }
                }
            }
        }
        if events.is_empty()
            && let Some(changes) = self.follow.rest(session, position).await?
            && !self.save(session, &changes).await?
        {
            return Ok(Turn::Aside);
        }
        if self.lead.is_some_and(|lead| lead.position > lead.saved && lead.saved_at.elapsed() > SAVE)
            && !self.save(session, &[]).await?
        {
            return Ok(Turn::Aside);
        }
        if (1..F::RUN).contains(&events.len()) {
            tokio::time::sleep(F::GATHER).await;
        }
        Ok(Turn::On)
    }

    /// What follows a position: from the stream, or from the ledger when the stream does not have it.
    async fn read(&mut self, session: &mut Session, position: i64) -> Result<Vec<Bytes>, StoreError> {
        match self.events.after(u64::try_from(position).unwrap_or_default(), F::RUN).await {
            Ok(EventsRead::Events(events)) => {
                self.behind = false;
                return Ok(events.into_iter().map(|(_, body)| body).collect());
            }
            Ok(EventsRead::Gone) if !std::mem::replace(&mut self.behind, true) => {
                tracing::info!(reactor = F::NAME, position, "reads the ledger: EVENTS begins later");
            }
            Ok(EventsRead::Gone) => {}
            Err(error) => tracing::debug!(%error, reactor = F::NAME, "reads the ledger"),
        }
        let lines = session.events(position, i64::try_from(F::RUN).unwrap_or(i64::MAX)).await?;
        if lines.is_empty() {
            tokio::time::sleep(limits::SWEEP).await;
        }
        Ok(lines.into_iter().map(|(_, body)| Bytes::from(body)).collect())
    }

    /// Writes rows and position; answers whether this process still leads.
    async fn save(&mut self, session: &mut Session, changes: &[Change]) -> Result<bool, StoreError> {
        let Some(lead) = &mut self.lead else { return Ok(false) };
        let advance = Advance { name: F::NAME, owner: &self.owner, from: lead.saved, to: lead.position };
        let leads = session.advance(&advance, changes).await?;
        (lead.saved, lead.saved_at) = (lead.position, Instant::now());
        if leads {
            metrics::reactor_position(F::NAME, lead.saved);
        }
        Ok(leads)
    }
}

/// Back-off while the outside is away, and one line in the log when that begins and when it ends.
struct Patience {
    pause: Duration,
    away: bool,
}

impl Default for Patience {
    fn default() -> Self {
        Self { pause: AGAIN.0, away: false }
    }
}

impl Patience {
    fn restored(&mut self, reactor: &'static str) {
        if self.away {
            metrics::reactor_waits(reactor, false);
            tracing::info!(reactor, "goes on");
        }
        *self = Self::default();
    }

    fn lost(&mut self, reactor: &'static str, reason: &str) -> Duration {
        if !std::mem::replace(&mut self.away, true) {
            metrics::reactor_waits(reactor, true);
            tracing::warn!(reactor, reason, "waits; it will be tried again");
        }
        let pause = self.pause;
        self.pause = AGAIN.1.min(pause * 2);
        pause
    }
}
