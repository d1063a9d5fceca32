//! Reactors: what follows the ledger event by event, and acts on the world outside.
//!
//! A reactor's position stands in the database, beside the rows that it writes, so an event is done with when both are
//! written, and before that it is done again. Calls to the outside may therefore be repeated. One process leads at a
//! time, by a lease; should two for a moment believe that they do, the position lets only one go on.

use std::{borrow::Cow, future::Future, sync::Arc, time::Duration};

use avanzacast_schemas::bus::BusUser;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    follow::{Follow, NotNow, Step},
    store::{Change, Session, Sql, StoreError, unreadable},
};

/// An event as a reactor sees it.
#[derive(Debug, Clone, Deserialize)]
pub struct Recorded {
    /// The event's type.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its data.
    pub data: Box<RawValue>,
}

/// Only the type, which is most of what most events are looked at for.
#[derive(Deserialize)]
struct Kind<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
}

/// A reactor: which events it minds, what it reads for them, what it does.
pub trait Reactor: Send + Sync + 'static {
    /// Rows that were read for some events, and what became of them.
    type State: Send + Sync;
    /// Something to be done outside.
    type Call: Send + Sync;

    /// Its name, which is that of its row.
    const NAME: &'static str;
    /// Whose connection it reads EVENTS over.
    const USER: BusUser;
    /// A scalar subquery for the rows that the keys name, as JSON.
    const ROWS: Sql;

    /// Whether events of this type are minded at all.
    fn minds(&self, kind: &str) -> bool;

    /// The keys of what must be read for an event; `None` when there is nothing to do for it.
    fn keys(&self, event: &Recorded) -> Option<Vec<String>>;

    /// Takes in the rows.
    ///
    /// # Errors
    /// A row that is not ours.
    fn load(&self, rows: &str) -> Result<Self::State, StoreError>;

    /// What an event asks for outside, on the state that the ones before it left. No I/O, no clock of its own.
    fn react(&self, state: &mut Self::State, event: &Recorded, now: i64) -> Vec<Self::Call>;

    /// Does it. It may have been done before. What is refused for good is passed over, with a line in the log.
    fn call(&self, call: &Self::Call) -> impl Future<Output = Result<(), NotNow>> + Send;

    /// The rows to be written.
    fn changes(&self, state: &Self::State) -> Vec<Change>;
}

/// A reactor, as one that follows.
pub struct Reacting<R>(pub Arc<R>);

impl<R: Reactor> Follow for Reacting<R> {
    const NAME: &'static str = R::NAME;
    const USER: BusUser = R::USER;
    const RUN: usize = 256;
    const GATHER: Duration = Duration::from_millis(10);

    async fn step(&mut self, session: &mut Session, _: i64, events: &[Bytes]) -> Result<Step, StoreError> {
        let (minded, passed) = self.group(events)?;
        let keys: Vec<String> = minded.iter().filter_map(|event| self.0.keys(event)).flatten().collect();
        if keys.is_empty() {
            return Ok(Step::Passed(passed, None));
        }
        let (rows, now) = session.select(R::ROWS, &keys).await?;
        let mut state = self.0.load(&rows)?;
        for event in &minded {
            for call in self.0.react(&mut state, event, now) {
                if let Err(not_now) = self.0.call(&call).await {
                    return Ok(Step::NotNow(not_now));
                }
            }
        }
        Ok(Step::Passed(passed, Some(self.0.changes(&state))))
    }
}

impl<R: Reactor> Reacting<R> {
    /// The next events of one type, with how many were passed to find them; the ones between are not minded. Of one
    /// type only, so that rows read together are not outdated by what comes between.
    fn group(&self, events: &[Bytes]) -> Result<(Vec<Recorded>, usize), StoreError> {
        let mut minded: Vec<Recorded> = Vec::new();
        for (position, body) in events.iter().enumerate() {
            let kind = serde_json::from_slice::<Kind<'_>>(body).map_err(unreadable)?.kind;
            if !self.0.minds(&kind) {
                continue;
            }
            if minded.first().is_some_and(|first| first.kind != kind) {
                return Ok((minded, position));
            }
            minded.push(serde_json::from_slice(body).map_err(unreadable)?);
        }
        Ok((minded, events.len()))
    }
}
