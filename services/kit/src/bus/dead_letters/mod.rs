//! Messages that can never work: how they come into the stream DEAD, and how an operator takes them out again.

mod bury;
mod stream;
pub mod veil;

use async_nats::HeaderMap;
use avanzacast_schemas::bus::{header, subject};
use bytes::Bytes;

use crate::time;

pub use self::{
    bury::DeadLetters,
    stream::{DeadError, DeadStream, Redriven},
};

/// What burying adds.
const OURS: [&str; 3] = [header::DEAD_REASON, header::DEAD_ATTEMPTS, header::DEAD_SIZE];
/// Headers that the server acts upon begin so: the id of the first publication, what was expected of its stream.
const SERVERS: &str = "nats-";

/// One message in DEAD.
#[derive(Debug, Clone)]
pub struct DeadLetter {
    /// Its place in DEAD.
    pub sequence: u64,
    /// When it was buried: Unix nanoseconds, by the server's clock.
    pub buried_at: i128,
    /// Where it had been published.
    pub subject: String,
    /// How often it had been delivered.
    pub attempts: Option<u64>,
    /// Why it can never work.
    pub reason: String,
    /// How many bytes its body had, if the beginning of it is all that is left.
    pub cut_from: Option<u64>,
    /// Its body; empty in a list.
    pub body: Bytes,
    headers: HeaderMap,
}

impl DeadLetter {
    fn new(sequence: u64, buried_at: i128, subject: &str, headers: HeaderMap, body: Bytes) -> Self {
        let text = |name: &str| headers.get(name).map(|value| value.as_str().to_owned());
        Self {
            sequence,
            buried_at,
            subject: subject.strip_prefix(subject::DEAD_PREFIX).unwrap_or(subject).to_owned(),
            attempts: text(header::DEAD_ATTEMPTS).and_then(|attempts| attempts.parse().ok()),
            reason: text(header::DEAD_REASON).unwrap_or_default(),
            cut_from: text(header::DEAD_SIZE).and_then(|size| size.parse().ok()),
            body,
            headers,
        }
    }

    /// When it was buried: RFC 3339 with milliseconds.
    #[must_use]
    pub fn buried(&self) -> String {
        time::rfc3339(i64::try_from(self.buried_at / 1_000_000).unwrap_or_default())
    }

    /// The headers that its sender gave it, by name.
    #[must_use]
    pub fn headers(&self) -> Vec<(String, String)> {
        let one = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let kept = senders(&self.headers);
        let mut all: Vec<_> = kept
            .iter()
            .flat_map(|(name, values)| values.iter().map(|value| one(name.as_ref(), value.as_str())))
            .collect();
        all.sort();
        all
    }
}

/// The headers of a message without those that the server acts upon, and those that burying added: what was asked of
/// its first stream is not meant for another.
fn senders(headers: &HeaderMap) -> HeaderMap {
    let mut kept = HeaderMap::new();
    for (name, values) in headers.iter() {
        let text: &str = name.as_ref();
        let servers = text.get(..SERVERS.len()).is_some_and(|start| start.eq_ignore_ascii_case(SERVERS));
        if !servers && !OURS.contains(&text) {
            values.iter().for_each(|value| kept.append(name.clone(), value.clone()));
        }
    }
    kept
}
