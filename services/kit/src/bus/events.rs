//! The EVENTS stream, as its one writer sees it.

use async_nats::{
    HeaderMap,
    header::NATS_EXPECTED_LAST_SEQUENCE,
    jetstream::{ErrorCode, context::GetStreamErrorKind, stream::DirectGetErrorKind},
};
use avanzacast_schemas::bus::{CLOUDEVENT, header, stream, subject};
use bytes::Bytes;

use super::Bus;

/// The stream could not be asked.
#[derive(Debug, thiserror::Error)]
#[error("the EVENTS stream does not answer")]
pub struct EventsError(#[source] pub(super) async_nats::Error);

/// The stream did not take a run of events: it does not end where it was thought to, or is away.
#[derive(Debug, thiserror::Error)]
#[error("the EVENTS stream did not take the events")]
pub struct RunRefused(#[source] async_nats::Error);

/// Where the stream ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventsTail {
    /// Its first sequence that is still there, or would be next.
    pub first: u64,
    /// The last sequence it has given out: the last `ledgerseq` it knows.
    pub last: u64,
    /// Which ledger it copies.
    pub ledger_id: Option<String>,
}

/// The stream's writer.
#[derive(Debug, Clone)]
pub struct EventsStream(Bus);

impl EventsStream {
    /// Over this connection.
    #[must_use]
    pub fn new(bus: Bus) -> Self {
        Self(bus)
    }

    /// Where the stream ends; `None` when there is no stream.
    ///
    /// # Errors
    /// The bus does not answer.
    pub async fn tail(&self) -> Result<Option<EventsTail>, EventsError> {
        match self.0.jetstream().get_stream(stream::EVENTS).await {
            Ok(found) => {
                let info = found.cached_info();
                let ledger_id = info.config.metadata.get(stream::LEDGER_ID).cloned();
                Ok(Some(EventsTail { first: info.state.first_sequence, last: info.state.last_sequence, ledger_id }))
            }
            Err(error) => match error.kind() {
                GetStreamErrorKind::JetStream(error) if error.error_code() == ErrorCode::STREAM_NOT_FOUND => Ok(None),
                GetStreamErrorKind::JetStream(_)
                | GetStreamErrorKind::Request
                | GetStreamErrorKind::EmptyName
                | GetStreamErrorKind::InvalidStreamName => Err(EventsError(error.into())),
            },
        }
    }

    /// The event at a sequence, or nothing when the stream no longer has it.
    ///
    /// # Errors
    /// The bus does not answer.
    pub async fn event(&self, sequence: u64) -> Result<Option<Bytes>, EventsError> {
        let events = self.0.jetstream().get_stream_no_info(stream::EVENTS).await.map_err(|e| EventsError(e.into()))?;
        match events.direct_get(sequence).await {
            Ok(message) => Ok(Some(message.payload)),
            Err(error) if error.kind() == DirectGetErrorKind::NotFound => Ok(None),
            Err(error) => Err(EventsError(error.into())),
        }
    }

    /// Appends events that follow sequence `after`. Each names the one before it, so two writers can never
    /// interleave, and when the last is there, all are: only its acknowledgement is waited for.
    ///
    /// # Errors
    /// The stream ends elsewhere, or is away; look again.
    pub async fn append(&self, after: u64, events: Vec<(String, Bytes)>) -> Result<u64, RunRefused> {
        let count = events.len();
        let mut last = after;
        for (position, (kind, body)) in events.into_iter().enumerate() {
            let subject = format!("{}{kind}", subject::EVENT_PREFIX);
            let mut headers = HeaderMap::new();
            headers.insert(NATS_EXPECTED_LAST_SEQUENCE, last.to_string());
            headers.insert(header::CONTENT_TYPE, CLOUDEVENT);
            if position + 1 < count {
                let publish = self.0.client().publish_with_headers(subject, headers, body);
                publish.await.map_err(|error| RunRefused(error.into()))?;
                last += 1;
            } else {
                let publish = self.0.jetstream().publish_with_headers(subject, headers, body);
                let ack = publish.await.map_err(|error| RunRefused(error.into()))?;
                last = ack.await.map_err(|error| RunRefused(error.into()))?.sequence;
            }
        }
        Ok(last)
    }
}
