//! The ledger: an append-only transparency log of what happened.

mod tree;

use avanzacast_kit::time;
use avanzacast_schemas::{Envelope, Event, SOURCE};
use rand::{Rng, RngExt};
use uuid::Builder;

pub use self::tree::{Frontier, FrontierError, Hash, leaf, node};
use crate::store::Head;

/// Events waiting for their place in the ledger.
#[derive(Debug)]
pub struct Appender {
    frontier: Frontier,
    bodies: Vec<String>,
    time: String,
    now: i64,
}

/// An event could not be written as JSON, or the head is damaged.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// The head is damaged.
    #[error(transparent)]
    Head(#[from] FrontierError),
    /// The event has no JSON.
    #[error("an event could not be written")]
    Event(#[from] serde_json::Error),
}

impl Appender {
    /// Continues the ledger from its head, at one moment.
    ///
    /// # Errors
    /// The head is damaged.
    pub fn new(head: &Head, now: i64) -> Result<Self, AppendError> {
        let size = u64::try_from(head.size).unwrap_or_default();
        let frontier = Frontier::read(size, &head.frontier)?;
        Ok(Self { frontier, bodies: Vec::new(), time: time::rfc3339(now), now })
    }

    /// Gives an event its place, and writes it: from here on its bytes are the record.
    ///
    /// # Errors
    /// The event has no JSON.
    pub fn append(&mut self, event: &Event, random: &mut impl Rng) -> Result<(), AppendError> {
        let id = uuid_v7(self.now, random).to_string();
        let body = serde_json::to_string(&Envelope {
            specversion: "1.0",
            id: &id,
            source: SOURCE,
            kind: event.kind(),
            time: &self.time,
            datacontenttype: "application/json",
            dataschema: event.schema(),
            ledgerseq: &(self.frontier.size() + 1).to_string(),
            data: event,
        })?;
        self.frontier.append(body.as_bytes());
        self.bodies.push(body);
        Ok(())
    }

    /// The lines, and the frontier after them.
    #[must_use]
    pub fn finish(self) -> (Vec<String>, Vec<u8>) {
        (self.bodies, self.frontier.bytes())
    }
}

fn uuid_v7(now: i64, random: &mut impl Rng) -> uuid::Uuid {
    Builder::from_unix_timestamp_millis(u64::try_from(now).unwrap_or_default(), &random.random()).into_uuid()
}
