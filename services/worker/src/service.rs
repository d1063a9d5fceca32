//! What a service brings: its commands, its state, and its decisions. Everything else is the same for all.

use std::{borrow::Cow, time::Duration};

use avanzacast_kit::bus::{Delivery, Reply};
use avanzacast_schemas::{Event, Refusal, SessionId};
use bytes::Bytes;
use rand::{RngExt, rngs::StdRng};
use serde_json::value::RawValue;
use uuid::{Builder, Uuid};

use crate::store::{Change, Sql, StoreError};

/// The moment of a decision: the database's clock, and randomness passed in.
#[derive(Debug)]
pub struct Moment<'a> {
    /// Unix milliseconds.
    pub now: i64,
    /// Seeded in tests.
    pub random: &'a mut StdRng,
}

impl Moment<'_> {
    /// A random id.
    pub fn uuid_v4(&mut self) -> Uuid {
        Builder::from_random_bytes(self.random.random()).into_uuid()
    }
}

/// What a command came to.
#[derive(Debug)]
pub struct Decision {
    /// What happened; a refusal can be an event too.
    pub events: Vec<Event>,
    /// What the inbox keeps, and the answer is built from.
    pub outcome: Result<Box<RawValue>, Refusal>,
}

impl Decision {
    /// Carried out, with what happened and what to remember.
    #[must_use]
    pub fn done(events: Vec<Event>, record: &impl serde::Serialize) -> Self {
        // A record is a struct of ours; should it ever have no JSON, the answer cannot be built and says so.
        let record = serde_json::value::to_raw_value(record).unwrap_or_else(|_| RawValue::NULL.to_owned());
        Self { events, outcome: Ok(record) }
    }
}

impl From<Refusal> for Decision {
    fn from(refusal: Refusal) -> Self {
        Self { events: Vec::new(), outcome: Err(refusal) }
    }
}

/// What the cache has to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CacheWrite {
    /// A session that is open: only where nothing is yet.
    Fill(SessionId, Bytes, Duration),
    /// A session that has ended: whatever is there, and before anybody hears of it.
    End(SessionId, Bytes),
}

/// An answer, and what the cache must know first.
#[derive(Debug)]
pub struct Answer {
    /// To the sender.
    pub reply: Reply,
    /// To the cache.
    pub cache: Vec<CacheWrite>,
}

/// A command as a service understands it.
#[derive(Debug)]
pub struct Decoded<C> {
    /// Its identity.
    pub id: String,
    /// What is asked.
    pub command: C,
}

/// A service: pure decisions over state that a batch has read.
pub trait Service: Send + Sync + 'static {
    /// Any of its commands.
    type Command: Send + Sync;
    /// Any of its queries.
    type Query: Send + Sync;
    /// The rows that a batch read, and what its decisions made of them.
    type State: Send + Sync;

    /// The name of the queue group and NATS service.
    const NAME: &'static str;
    /// The subjects of its commands.
    const COMMANDS: &'static [&'static str];
    /// The subjects of its queries.
    const QUERIES: &'static [&'static str];
    /// A scalar subquery for the rows that the keys name, as JSON.
    const ROWS: Sql;

    /// Reads a message.
    ///
    /// # Errors
    /// What cannot be read.
    fn decode(&self, delivery: &Delivery) -> Result<Decoded<Self::Command>, Refusal>;

    /// The keys of the rows that a command's decision reads.
    fn keys<'a>(&self, command: &'a Self::Command) -> Vec<Cow<'a, str>>;

    /// What a batch with these keys reads, if that is more than [`Service::ROWS`]: what few batches need need not be looked
    /// for in every one.
    fn rows(&self, _keys: &[Cow<'_, str>]) -> Sql {
        Self::ROWS
    }

    /// Takes in the rows that [`Service::ROWS`] selected.
    ///
    /// # Errors
    /// A row that is not ours.
    fn load(&self, rows: &str) -> Result<Self::State, StoreError>;

    /// Decides one command on the state that the ones before it left. No I/O, no clock of its own.
    fn decide(&self, state: &mut Self::State, command: &Self::Command, moment: &mut Moment<'_>) -> Decision;

    /// Builds the answer from what was decided, now or when the command was first seen.
    ///
    /// # Errors
    /// What the answer is built from is gone.
    fn answer(
        &self,
        state: &Self::State,
        command: &Self::Command,
        record: &RawValue,
        first: bool,
    ) -> Result<Answer, Refusal>;

    /// The rows to be written.
    fn changes(&self, state: &Self::State) -> Vec<Change>;

    /// Reads a query.
    ///
    /// # Errors
    /// What cannot be read.
    fn query(&self, delivery: &Delivery) -> Result<Self::Query, Refusal>;

    /// What a query has to read.
    fn find(&self, query: &Self::Query) -> Find;

    /// Answers a query that asked for [`Find::Rows`], from rows just read.
    ///
    /// # Errors
    /// What there is nothing to say about.
    fn look(&self, state: &Self::State, query: &Self::Query, now: i64) -> Result<Answer, Refusal>;

    /// Answers a query that asked for a [`Find::Page`], from the JSON that its statement gave.
    ///
    /// # Errors
    /// What there is nothing to say about.
    fn page(&self, rows: &str, query: &Self::Query, now: i64) -> Result<Answer, Refusal>;
}

/// What a query reads.
#[derive(Debug)]
pub enum Find {
    /// The rows under these keys, together with those of other queries.
    Rows(Vec<String>),
    /// What a statement of its own selects, on a connection of its own: one that takes long holds up no other kind.
    Page {
        /// A scalar subquery giving a JSON array, with the keys as its only parameter.
        sql: Sql,
        /// The parameter: an array of texts.
        keys: Vec<String>,
    },
}

/// A service whose rows end, and are forgotten, by the passing of time alone.
pub trait Sweeps: Service {
    /// A scalar subquery for the rows that have to end now, by the database's clock: a JSON array. It ignores the
    /// keys.
    const DUE: Sql;
    /// Each deletes rows that may be forgotten at a moment (its parameter, Unix milliseconds), a bounded number at a
    /// time.
    const PRUNE: &'static [Sql];

    /// Takes in the rows that [`Sweeps::DUE`] selected.
    ///
    /// # Errors
    /// A row that is not ours.
    fn load_due(&self, rows: &str) -> Result<Self::State, StoreError>;

    /// Ends what is due, and says what the cache must know.
    fn expire(&self, state: &mut Self::State, moment: &mut Moment<'_>) -> (Vec<Event>, Vec<CacheWrite>);
}
