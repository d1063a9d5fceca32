//! What comes from outside and must not be lost: put into INTAKE, and safe once that is acknowledged.

use async_nats::{
    HeaderMap,
    header::{NATS_EXPECTED_STREAM, NATS_MESSAGE_ID},
};
use avanzacast_schemas::{
    Code,
    bus::{header, stream},
};
use bytes::Bytes;
use serde::Deserialize;
use tokio::time::Instant;

use super::{Caller, Unanswered};
use crate::telemetry::TraceContext;

/// Something to be kept.
#[derive(Debug, Clone)]
pub struct Incoming {
    /// Where to: one of INTAKE's subjects.
    pub subject: String,
    /// Its own id: a second message with the same one is not stored, for as long as the stream remembers (2 min).
    pub id: String,
    /// Which request it belongs to.
    pub trace: TraceContext,
    /// JSON.
    pub body: Bytes,
}

/// The way into INTAKE.
#[derive(Debug, Clone)]
pub struct Inlet(Caller);

/// What a stream answers (nats-server, `PubAck` in `server/stream.go`); without an error it has the message.
#[derive(Deserialize)]
struct Answer {
    error: Option<Refused>,
}

#[derive(Deserialize)]
struct Refused {
    description: String,
}

impl Inlet {
    /// Over the caller's connection; what waits for its acknowledgement counts as a call in flight.
    #[must_use]
    pub fn new(caller: Caller) -> Self {
        Self(caller)
    }

    /// Stores a message, once, and waits until it is safe.
    ///
    /// # Errors
    /// [`Unanswered::NotApplied`] when the stream did not take it: it is full, or is not there, or the bus is away.
    /// [`Unanswered::Unknown`] when it did not say. Either way its sender should come again with the same id.
    pub async fn put(&self, incoming: Incoming, until: Instant) -> Result<(), Unanswered> {
        let Incoming { subject, id, trace, body } = incoming;
        let mut headers = HeaderMap::new();
        headers.insert(NATS_MESSAGE_ID, id);
        headers.insert(NATS_EXPECTED_STREAM, stream::INTAKE);
        headers.insert(header::TRACEPARENT, trace.header());
        let patience = until.saturating_duration_since(Instant::now());
        let message = self.0.once(subject, headers, body, patience).await?;
        let refused = match serde_json::from_slice::<Answer>(&message.payload) {
            Ok(Answer { error: None }) => return Ok(()),
            Ok(Answer { error: Some(refused) }) => refused.description,
            // Whoever answers something else is no stream.
            Err(error) => error.to_string(),
        };
        tracing::error!(stream = stream::INTAKE, refused, trace.id = %trace, "the stream did not take a message");
        Err(Unanswered::NotApplied(Code::BusUnavailable))
    }
}
