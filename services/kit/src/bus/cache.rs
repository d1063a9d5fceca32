//! The session cache: a JetStream key-value bucket. A cache, never the truth.

use std::time::Duration;

use async_nats::{
    HeaderMap, StatusCode, header,
    jetstream::context::{PublishError, PublishErrorKind},
};
use avanzacast_schemas::{
    SessionId,
    bus::{stream, subject},
};
use bytes::Bytes;
use futures::future::join_all;

use super::{Bus, Caller};
use crate::metrics;

/// A read that takes longer is a miss: the worker is asked instead.
const READ_PATIENCE: Duration = Duration::from_millis(250);
/// An end that the server has not acknowledged by then is a failure, and the command stays unanswered.
const WRITE_PATIENCE: Duration = Duration::from_secs(1);

/// Reads the cache.
#[derive(Debug, Clone)]
pub struct CacheReader(Caller);

impl CacheReader {
    /// Reads through this caller's connection.
    #[must_use]
    pub fn new(caller: Caller) -> Self {
        Self(caller)
    }

    /// The value under a session's key. Any failure is a miss.
    pub async fn read(&self, id: &SessionId) -> Option<Bytes> {
        let subject = format!("$JS.API.DIRECT.GET.{}.{}{id}", stream::KV_SESSIONS, subject::SESSION_CACHE_PREFIX);
        // An answer that is not a message has a status (404, 408); an expired entry's marker has no body.
        let found = self.0.ask(subject, READ_PATIENCE).await.filter(|message| {
            message.status.is_none_or(|status| status == StatusCode::OK) && !message.payload.is_empty()
        });
        metrics::edge().cache_read(found.is_some());
        found.map(|message| message.payload)
    }
}

/// An end of a session was not written.
#[derive(Debug, thiserror::Error)]
#[error("the cache did not take a session's end")]
pub struct CacheWriteFailed;

/// Writes the cache; only workers do.
#[derive(Debug, Clone)]
pub struct CacheWriter(Bus);

impl CacheWriter {
    /// Writes over this connection.
    #[must_use]
    pub fn new(bus: Bus) -> Self {
        Self(bus)
    }

    /// Writes a session that is open, where nothing is yet: a late write never brings back what a newer one took
    /// away. Not waited for; a failure is a miss later on.
    pub async fn fill(&self, id: &SessionId, value: Bytes, ttl: Duration) {
        let mut headers = with_ttl(ttl);
        headers.insert(header::NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, "0");
        if let Err(error) = self.0.client().publish_with_headers(key(id), headers, value).await {
            tracing::debug!(%error, "a session was not cached");
        }
    }

    /// Writes the ends of sessions, whatever is there, and waits until the server has them all.
    ///
    /// A bucket that is not there (it is in the server's memory, and made by `provision`) says nothing that an end would
    /// have to take back: readers miss, and the database answers.
    ///
    /// # Errors
    /// One of them is not known to be there.
    pub async fn end(&self, ends: Vec<(SessionId, Bytes)>, ttl: Duration) -> Result<(), CacheWriteFailed> {
        if ends.is_empty() {
            return Ok(());
        }
        let mut acks = Vec::with_capacity(ends.len());
        for (id, value) in ends {
            let publish = self.0.jetstream().publish_with_headers(key(&id), with_ttl(ttl), value);
            acks.push(publish.await.map_err(|_| CacheWriteFailed)?.into_future());
        }
        let acked = tokio::time::timeout(WRITE_PATIENCE, join_all(acks)).await.map_err(|_| CacheWriteFailed)?;
        let harmless = |acked: &Result<_, PublishError>| match acked {
            Ok(_) => true,
            Err(error) => error.kind() == PublishErrorKind::StreamNotFound,
        };
        if acked.iter().all(harmless) { Ok(()) } else { Err(CacheWriteFailed) }
    }
}

fn key(id: &SessionId) -> String {
    format!("{}{id}", subject::SESSION_CACHE_PREFIX)
}

/// The server takes whole seconds, at least one.
fn with_ttl(ttl: Duration) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(header::NATS_MESSAGE_TTL, format!("{}s", ttl.as_secs().max(1)));
    headers
}
