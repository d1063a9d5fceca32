//! What a database and a stream hold, against what callers were told.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use async_nats::jetstream::{self, consumer, stream::Stream};
use avanzacast_schemas::bus::BusUser;

use crate::{Answer, Stack};

/// How long the relay may take to catch up, after a bus was away and with a slow machine.
const CATCH_UP_LIMIT: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(50);
/// Events read from a stream at once.
const FETCH: usize = 500;

/// Every 201 is a session of its own with its event in the ledger; nothing is there twice; and there is nothing else,
/// unless the caller was told that nobody knows (504).
///
/// `answers` are all answers to plain `POST /api/session` for this room.
pub fn assert_books(stack: &Stack, room: &str, answers: &[Answer]) {
    let created: Vec<&str> = answers.iter().filter(|answer| answer.status == 201).map(|a| a.str("id")).collect();
    let unknown = answers.iter().filter(|answer| answer.status == 504).count();
    let rows = stack.sql(&format!("SELECT id FROM session WHERE room = '{room}'"));
    let rows: BTreeSet<&str> = rows.lines().collect();
    let told: BTreeSet<&str> = created.iter().copied().collect();
    assert_eq!(told.len(), created.len(), "two callers were given the same session");
    let lost: Vec<_> = told.difference(&rows).collect();
    assert!(lost.is_empty(), "{} of {} sessions that were answered 201 are not there", lost.len(), told.len());
    let more = rows.len() - told.len();
    assert!(more <= unknown, "{more} sessions more than were answered, and {unknown} answers of unknown outcome");
    let born = format!(
        "FROM ledger WHERE body::json->>'type' = 'token.registered' AND body::json->'data'->>'room' = '{room}'"
    );
    assert_eq!(stack.count(&format!("SELECT count(*) {born}")), rows.len(), "events and sessions");
    let people = stack.count(&format!("SELECT count(DISTINCT body::json->'data'->>'participant') {born}"));
    assert_eq!(people, rows.len(), "an event of one session is there twice, and of another one is missing");
}

/// EVENTS holds the ledger from the first line on, byte for byte, each under its own number: in the end.
pub async fn assert_events_equal_ledger(stack: &Stack) {
    let jetstream = jetstream::new(stack.nats.as_ref().expect("a stack with a bus").connect(BusUser::Admin).await);
    let ledger = || stack.sql("SELECT body FROM ledger ORDER BY seq");
    let expected = ledger().lines().count();
    let found = events(&jetstream, expected).await;
    assert_same_lines(&ledger(), &found);
}

/// Compares a ledger's lines, the first being number 1, with [`events`].
pub fn assert_same_lines(ledger: &str, events: &[(u64, String)]) {
    assert_eq!(events.len(), ledger.lines().count(), "lines of the ledger and events in EVENTS");
    for ((line, wanted), (sequence, found)) in ledger.lines().enumerate().zip(events) {
        assert_eq!((*sequence, found.as_str()), (line as u64 + 1, wanted), "EVENTS differs from the ledger");
    }
}

/// What EVENTS holds, with its sequences, as soon as it goes as far as `last`.
pub async fn events(jetstream: &jetstream::Context, last: usize) -> Vec<(u64, String)> {
    let deadline = Instant::now() + CATCH_UP_LIMIT;
    let stream = loop {
        let found = jetstream.get_stream("EVENTS").await;
        let end = found.as_ref().map(|stream| stream.cached_info().state.last_sequence);
        match found {
            Ok(stream) if end.as_ref().is_ok_and(|end| *end >= last as u64) => break stream,
            Ok(_) | Err(_) => assert!(Instant::now() < deadline, "EVENTS does not reach {last}: {end:?}"),
        }
        tokio::time::sleep(POLL).await;
    };
    read_all(&stream).await
}

async fn read_all(stream: &Stream) -> Vec<(u64, String)> {
    use futures::StreamExt;

    let wanted = usize::try_from(stream.cached_info().state.messages).expect("few");
    let config = consumer::pull::Config { ack_policy: consumer::AckPolicy::None, ..Default::default() };
    let reader = stream.create_consumer(config).await.expect("admin may read");
    let mut events = Vec::new();
    while events.len() < wanted {
        let mut messages = reader.fetch().max_messages(FETCH).messages().await.expect("a pull");
        let before = events.len();
        while let Some(message) = messages.next().await {
            let message = message.expect("a message");
            let sequence = message.info().expect("from a stream").stream_sequence;
            events.push((sequence, String::from_utf8(message.payload.to_vec()).expect("JSON")));
        }
        assert!(events.len() > before, "EVENTS has {wanted} events and gives {before}");
    }
    events
}
