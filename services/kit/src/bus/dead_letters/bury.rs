//! Into DEAD, by whichever worker found that a message can never work.

use async_nats::{HeaderMap, header::NATS_MESSAGE_ID};
use avanzacast_schemas::bus::{header, subject};
use bytes::Bytes;

use super::senders;
use crate::{
    bus::{Bus, Delivery},
    metrics,
};

/// A reason is for people; what is longer was made of the message itself.
const REASON_MAX_CHARS: usize = 512;
/// A stream takes headers of up to 64 KiB; what was sent with more than this leaves no room for ours.
const HEADERS_MAX: usize = 60 * 1024;
/// Left free for the reason and the rest of what burying adds.
const ROOM_FOR_OURS: usize = 4 * 1024;

/// Where messages go that can never work.
#[derive(Debug, Clone)]
pub struct DeadLetters(Bus);

impl DeadLetters {
    /// Publishes over this connection.
    #[must_use]
    pub fn new(bus: Bus) -> Self {
        Self(bus)
    }

    /// Copies the message to `dead.<subject>` with its sender's headers, the reason and the attempts, and waits until
    /// the stream has it. Answers whether it has.
    ///
    /// A message that is as large as the server takes leaves no room for the reason: its headers go, or its end is cut
    /// off, for else it would come back for ever.
    pub async fn bury(&self, delivery: &Delivery, reason: &str) -> bool {
        let limit = self.0.client().server_info().max_payload.saturating_sub(ROOM_FOR_OURS);
        let (mut headers, body) = fitted(senders(&delivery.headers()), &delivery.payload, limit);
        let reason: String = reason.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        headers.insert(header::DEAD_REASON, reason.chars().take(REASON_MAX_CHARS).collect::<String>());
        headers.insert(header::DEAD_ATTEMPTS, delivery.attempts().to_string());
        headers.insert(NATS_MESSAGE_ID, uuid::Uuid::now_v7().to_string());
        let subject = format!("{}{}", subject::DEAD_PREFIX, delivery.subject);
        let publish = self.0.jetstream().publish_with_headers(subject, headers, body);
        let buried = match publish.await {
            Ok(ack) => ack.await.map(|_| metrics::worker().dead_letters.increment(1)),
            Err(error) => Err(error),
        };
        buried.inspect_err(|error| tracing::error!(%error, "a message was not buried")).is_ok()
    }
}

/// As much as fits: headers that leave no room for ours go, then the end of the body.
fn fitted(mut headers: HeaderMap, body: &Bytes, limit: usize) -> (HeaderMap, Bytes) {
    let mut taken = wire_size(&headers);
    if taken > HEADERS_MAX {
        (headers, taken) = (HeaderMap::new(), 0);
    }
    let room = limit.saturating_sub(taken);
    if body.len() <= room {
        return (headers, body.clone());
    }
    headers.insert(header::DEAD_SIZE, body.len().to_string());
    (headers, body.slice(..room))
}

/// Name, colon, space, value, end of line.
fn wire_size(headers: &HeaderMap) -> usize {
    let of = |name: &str, value: &str| name.len() + value.len() + ": \r\n".len();
    headers.iter().flat_map(|(name, values)| values.iter().map(move |value| of(name.as_ref(), value.as_str()))).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: usize = 100_000;

    fn headers(value_len: usize) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert("X-Sender", "x".repeat(value_len));
        headers
    }

    #[test]
    fn what_fits_is_kept_whole() {
        let (kept, body) = fitted(headers(100), &Bytes::from(vec![b'b'; 99_000]), LIMIT);
        assert_eq!((kept.len(), body.len()), (1, 99_000));
    }

    #[test]
    fn the_end_of_what_does_not_fit_is_cut_off_and_its_size_is_told() {
        let (kept, body) = fitted(headers(100), &Bytes::from(vec![b'b'; 99_950]), LIMIT);
        assert!(body.len() + wire_size(&headers(100)) <= LIMIT, "{}", body.len());
        assert_eq!(kept.get(header::DEAD_SIZE).map(|size| size.as_str()), Some("99950"));
    }

    #[test]
    fn headers_do_not_crowd_out_the_body() {
        let (kept, body) = fitted(headers(63_000), &Bytes::from_static(b"body"), LIMIT);
        assert_eq!((kept.len(), &body[..]), (0, &b"body"[..]));
    }
}
