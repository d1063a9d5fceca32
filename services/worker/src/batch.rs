//! A batch: read, decide, write; two round trips for up to 256 commands.

use std::{borrow::Cow, sync::Arc};

use avanzacast_kit::bus::{DeadLetters, Delivery};
use avanzacast_schemas::Code;
use futures::future::join_all;
use rand::rngs::StdRng;
use tokio::sync::{Notify, mpsc};

use crate::{
    guard::Guard,
    inbox::{Decided, Inbox, fingerprint},
    ledger::{AppendError, Appender},
    service::{Decision, Moment, Service},
    store::{Fault, Plan, Session, Snapshot, Store, StoreError, unreadable},
    verdict::{Verdict, settle},
};

/// How often a batch decides again, with the ledger locked, before it gives up.
const LOCKED_TRIES: u32 = 3;

/// A command that waits for its outcome.
pub struct Item<C> {
    pub delivery: Delivery,
    pub command: C,
    id: String,
    fingerprint: String,
}

/// A batch that is in the database: the commands, the state they left, and for each command what was decided and
/// whether just now; `None` for a command nobody wants any more.
pub struct Applied<S: Service> {
    pub items: Vec<Item<S::Command>>,
    pub state: S::State,
    pub decided: Vec<Option<(Decided, bool)>>,
}

/// Why a batch has no outcome.
enum Failure {
    /// Nothing was written.
    NotApplied(Code),
    /// Perhaps it was written.
    Unknown,
    /// The database refuses what this batch writes.
    Rejected(String),
}

impl From<StoreError> for Failure {
    /// For statements that write nothing.
    fn from(error: StoreError) -> Self {
        match error.fault {
            Fault::Away | Fault::Contended => {
                tracing::warn!(%error, source = std::error::Error::source(&error).map(tracing::field::display),
                    "a batch was not applied");
                Self::NotApplied(Code::DatabaseUnavailable)
            }
            Fault::Rejected | Fault::Duplicate => Self::rejected(&error),
        }
    }
}

impl From<AppendError> for Failure {
    fn from(error: AppendError) -> Self {
        Self::rejected(&error)
    }
}

impl Failure {
    fn rejected(error: &dyn std::error::Error) -> Self {
        Self::Rejected(error.source().map_or_else(|| error.to_string(), |source| format!("{error}: {source}")))
    }
}

/// What was decided, before it is known to be written.
struct Decisions<S: Service> {
    state: S::State,
    decided: Vec<Option<(Decided, bool)>>,
    plan: Plan,
}

/// One process's batches: one at a time.
pub struct Batches<S: Service> {
    service: Arc<S>,
    store: Store,
    session: Option<Session>,
    guard: Guard,
    dead: DeadLetters,
    committed: Arc<Notify>,
    applied: mpsc::Sender<Applied<S>>,
    random: StdRng,
}

impl<S: Service> Batches<S> {
    /// Will apply batches to this store, and hand on what was applied.
    pub fn new(
        service: Arc<S>,
        store: Store,
        guard: Guard,
        dead: DeadLetters,
        committed: Arc<Notify>,
        applied: mpsc::Sender<Applied<S>>,
    ) -> Self {
        Self { service, store, session: None, guard, dead, committed, applied, random: rand::make_rng() }
    }

    /// Takes a batch to its end: every delivery is answered, settled, or knowingly left to its next copy.
    pub async fn process(&mut self, deliveries: Vec<Delivery>) {
        let mut items = Vec::with_capacity(deliveries.len());
        for delivery in deliveries {
            match self.service.decode(&delivery) {
                Ok(decoded) => {
                    let fingerprint = fingerprint(&delivery.subject, &delivery.payload);
                    items.push(Item { delivery, id: decoded.id, fingerprint, command: decoded.command });
                }
                Err(refusal) if delivery.wants_reply() => {
                    settle(&delivery, Verdict::Refused(refusal), &self.dead).await;
                }
                Err(refusal) => settle(&delivery, Verdict::Bury(refusal.detail), &self.dead).await,
            }
        }
        if let Err(items) = self.attempt(items).await {
            for item in items {
                // Alone, a command that the database refuses hurts nobody else.
                if let Err(refused) = self.attempt(vec![item]).await {
                    for item in refused {
                        let verdict = Verdict::Bury("the database refuses what it writes".to_owned());
                        settle(&item.delivery, verdict, &self.dead).await;
                    }
                }
            }
        }
    }

    /// Applies the commands together. Gives them back when the database refuses what they write.
    async fn attempt(&mut self, items: Vec<Item<S::Command>>) -> Result<(), Vec<Item<S::Command>>> {
        if items.is_empty() {
            return Ok(());
        }
        let verdict = match self.apply(&items).await {
            Ok(decisions) => {
                if !decisions.plan.bodies.is_empty() {
                    self.committed.notify_one();
                }
                // The channel is open for as long as the worker lives.
                drop(self.applied.send(Applied { items, state: decisions.state, decided: decisions.decided }).await);
                return Ok(());
            }
            Err(Failure::Rejected(reason)) => {
                self.session = None;
                tracing::error!(reason, commands = items.len(), "the database refuses a batch");
                return Err(items);
            }
            Err(Failure::NotApplied(code)) => {
                if code == Code::DatabaseUnavailable {
                    self.session = None;
                }
                Verdict::NotApplied(code)
            }
            Err(Failure::Unknown) => {
                self.session = None;
                Verdict::Silent
            }
        };
        let dead = &self.dead;
        join_all(items.iter().map(|item| settle(&item.delivery, verdict.clone(), dead))).await;
        Ok(())
    }

    async fn apply(&mut self, items: &[Item<S::Command>]) -> Result<Decisions<S>, Failure> {
        let snapshot = self.read(items).await?;
        self.guard.sound().await.map_err(Failure::NotApplied)?;
        let size = snapshot.head.size;
        let decisions = self.decide(items, snapshot)?;
        if decisions.plan.changes.is_empty() && decisions.plan.bodies.is_empty() {
            return Ok(decisions);
        }
        let Some(session) = &mut self.session else { return Err(Failure::Unknown) };
        match session.write(size, &decisions.plan).await {
            Ok(true) => return Ok(decisions),
            // Somebody else wrote since the read, so what was decided may not hold.
            Ok(false) => {}
            Err(error) if matches!(error.fault, Fault::Contended | Fault::Duplicate) => self.session = None,
            Err(error) => return Err(written_perhaps(&error)),
        }
        for _ in 0..LOCKED_TRIES {
            if let Some(decisions) = self.apply_locked(items).await? {
                return Ok(decisions);
            }
        }
        tracing::warn!(commands = items.len(), tries = LOCKED_TRIES, "a batch was not applied: others were in the way");
        Err(Failure::NotApplied(Code::DatabaseUnavailable))
    }

    /// The same with everybody else locked out; `None` when even so somebody was in the way.
    async fn apply_locked(&mut self, items: &[Item<S::Command>]) -> Result<Option<Decisions<S>>, Failure> {
        let (ids, keys) = self.wanted(items);
        self.connect().await?;
        // Before the lock, which is not to be held while somebody looks.
        self.guard.sound().await.map_err(Failure::NotApplied)?;
        let Some(mut session) = self.session.take() else { return Err(Failure::Unknown) };
        if let Err(error) = session.lock().await {
            return if error.fault == Fault::Contended { Ok(None) } else { Err(error.into()) };
        }
        let snapshot = session.read(self.service.rows(&keys), &ids, &keys).await?;
        let size = snapshot.head.size;
        let decisions = self.decide(items, snapshot)?;
        let gated = session.write(size, &decisions.plan).await;
        // Dropping the session takes everything back.
        match gated {
            Ok(true) => session.commit().await.map_err(|error| written_perhaps(&error))?,
            Ok(false) => return Ok(None),
            Err(error) if error.fault == Fault::Contended => return Ok(None),
            Err(error) => return Err(error.into()),
        }
        self.session = Some(session);
        Ok(Some(decisions))
    }

    fn wanted<'a>(&self, items: &'a [Item<S::Command>]) -> (Vec<&'a str>, Vec<Cow<'a, str>>) {
        let ids = items.iter().map(|item| item.id.as_str()).collect();
        let keys = items.iter().flat_map(|item| self.service.keys(&item.command)).collect();
        (ids, keys)
    }

    async fn connect(&mut self) -> Result<(), StoreError> {
        if self.session.is_none() {
            self.session = Some(self.store.connect().await?);
            self.guard.suspect();
        }
        Ok(())
    }

    /// Reads; over a connection that has died in the meantime, once more over a new one.
    async fn read(&mut self, items: &[Item<S::Command>]) -> Result<Snapshot, StoreError> {
        let (ids, keys) = self.wanted(items);
        if let Some(session) = &mut self.session {
            match session.read(self.service.rows(&keys), &ids, &keys).await {
                Ok(snapshot) => return Ok(snapshot),
                Err(error) if error.fault == Fault::Away => self.session = None,
                Err(error) => return Err(error),
            }
        }
        self.connect().await?;
        match &mut self.session {
            Some(session) => session.read(self.service.rows(&keys), &ids, &keys).await,
            None => Err(StoreError::timed_out()),
        }
    }

    /// Decides every command in order, each on the state that the ones before it left.
    fn decide(&mut self, items: &[Item<S::Command>], snapshot: Snapshot) -> Result<Decisions<S>, Failure> {
        let now = snapshot.now;
        let mut inbox = Inbox::read(&snapshot.inbox)?;
        let mut state = self.service.load(&snapshot.rows)?;
        let mut ledger = Appender::new(&snapshot.head, now)?;
        let mut decided = Vec::with_capacity(items.len());
        for item in items {
            let Delivery { subject, trace, .. } = &item.delivery;
            let _entered = tracing::debug_span!("command", subject, command.id = item.id, trace.id = %trace).entered();
            if let Some(known) = inbox.recall(&item.id, &item.fingerprint) {
                tracing::debug!("seen before");
                decided.push(Some((known, false)));
                continue;
            }
            if item.delivery.expires_at.is_some_and(|expires_at| expires_at <= now) {
                tracing::debug!("expired before it was applied");
                decided.push(None);
                continue;
            }
            let mut moment = Moment { now, random: &mut self.random };
            let Decision { events, outcome } = self.service.decide(&mut state, &item.command, &mut moment);
            for event in &events {
                ledger.append(event, &mut self.random)?;
            }
            let outcome = match outcome {
                Ok(record) => Decided::Done(record),
                Err(refusal) => Decided::Refused(refusal),
            };
            tracing::debug!(events = events.len(), refused = matches!(outcome, Decided::Refused(_)), "decided");
            inbox.remember(item.id.clone(), item.fingerprint.clone(), outcome.clone());
            decided.push(Some((outcome, true)));
        }
        let mut changes = self.service.changes(&state);
        changes.extend(inbox.change(now)?);
        let (bodies, frontier) = ledger.finish();
        Ok(Decisions { state, decided, plan: Plan { bodies, frontier, changes } })
    }
}

/// A write that failed: refused for what it says, or perhaps written after all.
fn written_perhaps(error: &StoreError) -> Failure {
    match error.fault {
        Fault::Rejected | Fault::Duplicate => Failure::rejected(error),
        Fault::Away | Fault::Contended => {
            tracing::warn!(%error, source = std::error::Error::source(error).map(tracing::field::display),
                "a write has an unknown outcome; the next copies find out");
            Failure::Unknown
        }
    }
}

/// Rows that are not ours.
impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        unreadable(error).into()
    }
}
