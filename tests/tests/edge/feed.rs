//! Events for those who watch: each once, in order, none left out, whatever the bus loses and whoever is away. The edge is
//! the real one; the test plays the rest, so that it can lose, repeat and withhold as it likes.

use std::time::{Duration, Instant};

use avanzacast_tests::{Dispatched, LoneEdge, Nats, require};
use futures::future::join_all;
use serde_json::json;

/// Well under a heartbeat.
const AT_ONCE: Duration = Duration::from_secs(5);
/// In which nothing may come.
const SILENCE: Duration = Duration::from_millis(400);

fn ids(events: &[Dispatched]) -> Vec<u64> {
    events.iter().map(|event| event.id.parse().unwrap()).collect()
}

async fn some(lone: &LoneEdge, count: u64) {
    for number in 0..count {
        lone.record.happens("session.consumed", json!({"room": "demo", "n": number})).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_is_told_byte_for_byte_from_now_on() {
    require!(Nats::available());
    let lone = LoneEdge::start(&[]).await;
    some(&lone, 3).await;
    let mut reader = lone.watch("", None).await;
    let seq = lone.record.happens("user.created", json!({"user": 7, "text": "á\"\\\n\u{2028}"})).await;
    let told = reader.next().await.unwrap();
    assert_eq!((told.id.as_str(), told.event.as_str()), ("4", "user.created"));
    assert_eq!(told.data, lone.record.body(seq));
    assert!(reader.retry().is_some_and(|ms| (100..10_000).contains(&ms)), "{:?}", reader.retry());
    assert!(reader.within(SILENCE).await.is_err(), "nothing else");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_comes_back_misses_nothing_and_gets_nothing_twice() {
    require!(Nats::available());
    let mut lone = LoneEdge::start(&[]).await;
    some(&lone, 250).await;
    let mut all = Vec::new();
    let mut last: Option<String> = None;
    // Cut off again and again, by the reader and by the edge's end, while events go on.
    for round in 0..6 {
        let mut reader = lone.watch("?after=0", last.as_deref()).await;
        all.extend(reader.take(30 + round).await);
        last = Some(reader.last_id().to_owned());
        if round % 2 == 0 {
            lone.restart();
        }
        drop(reader);
        some(&lone, 10).await;
    }
    let mut reader = lone.watch("", last.as_deref()).await;
    all.extend(reader.take(310 - all.len()).await);
    assert_eq!(ids(&all), (1..=310).collect::<Vec<u64>>());
    assert!(all.iter().all(|event| event.data == lone.record.body(event.id.parse().unwrap())));
    // And what comes follows what was.
    some(&lone, 2).await;
    assert_eq!(ids(&reader.take(2).await), [311, 312]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_bus_loses_is_asked_of_the_record_and_what_it_repeats_is_dropped() {
    require!(Nats::available());
    let lone = LoneEdge::start(&[]).await;
    some(&lone, 1).await;
    let mut reader = lone.watch("", None).await;
    some(&lone, 1).await;
    for _ in 0..230 {
        lone.record.unheard("session.created", json!({"room": "demo"}));
    }
    some(&lone, 1).await;
    // A stream that is filled again, from its beginning.
    for seq in (1..=233).rev().chain(1..=233) {
        lone.record.say(seq).await;
    }
    some(&lone, 1).await;
    assert_eq!(ids(&reader.take(233).await), (2..=234).collect::<Vec<u64>>());
    assert!(reader.within(SILENCE).await.is_err(), "nothing twice");
}

/// Promise: an event that the bus loses, with none after it that would show, comes all the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_loss_that_nothing_shows_is_found() {
    require!(Nats::available());
    let lone = LoneEdge::start(&[]).await;
    some(&lone, 2).await;
    let mut reader = lone.watch("", None).await;
    let mut filtered = lone.watch("?type=user.created", None).await;
    lone.record.unheard("session.created", json!({}));
    lone.record.unheard("user.created", json!({"user": 1}));
    assert_eq!(ids(&reader.take(2).await), [3, 4]);
    assert_eq!(ids(&filtered.take(1).await), [4]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bus_that_was_away_left_nothing_out() {
    require!(Nats::available());
    let lone = LoneEdge::start(&[]).await;
    some(&lone, 2).await;
    let mut reader = lone.watch("", None).await;
    some(&lone, 1).await;
    assert_eq!(ids(&reader.take(1).await), [3]);
    lone.nats.kill();
    for _ in 0..5 {
        lone.record.unheard("session.created", json!({}));
    }
    lone.nats.start_again();
    let began = Instant::now();
    assert_eq!(ids(&reader.take(5).await), [4, 5, 6, 7, 8]);
    assert!(began.elapsed() < Duration::from_secs(15), "at the reconnect, not at the next look: {:?}", began.elapsed());
}

/// Promise: with the audit worker away, live events go on while none is missing; then the stream ends rather than leave
/// one out, and is resumed when the worker is back.
#[tokio::test(flavor = "multi_thread")]
async fn without_the_record_nothing_is_left_out_either() {
    require!(Nats::available());
    let lone = LoneEdge::start(&[]).await;
    some(&lone, 3).await;
    lone.record.goes_away().await;
    let mut reader = lone.watch("", None).await;
    some(&lone, 3).await;
    assert_eq!(ids(&reader.take(3).await), [4, 5, 6]);
    lone.record.unheard("session.created", json!({}));
    some(&lone, 1).await;
    assert_eq!(reader.next().await, None, "an end");
    assert!(reader.comments().iter().any(|comment| comment.contains("record is away")), "{:?}", reader.comments());
    assert_eq!(reader.last_id(), "6");
    // Whoever resumes waits for it.
    let mut resumed = lone.watch("", Some("6")).await;
    assert!(resumed.within(SILENCE).await.is_err());
    lone.record.come_back().await;
    assert_eq!(ids(&resumed.take(2).await), [7, 8]);
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_hold_for_what_was_and_for_what_comes() {
    require!(Nats::available());
    let lone = LoneEdge::start(&[]).await;
    let session = "0b8a7f9e-6c1d-4a53-9b1e-2f7c3d4e5f60".to_owned();
    let participant = avanzacast_schemas::SessionId::try_from(session.clone()).unwrap().participant();
    let data = [
        ("session.created", json!({"participant": participant, "room": "démo"})),
        ("session.consumed", json!({"participant": participant, "room": "démo"})),
        ("session.created", json!({"participant": "p_fogkuxfwkgewsrvabnfa6sk32m", "room": "démo"})),
        ("user.created", json!({"user": 7})),
        ("room.started", json!({"room": "other"})),
    ];
    let all = async || {
        for (kind, data) in data.clone() {
            lone.record.happens(kind, data).await;
        }
    };
    all().await;
    for (query, expected) in [
        ("&type=session.created&type=user.created", &[1, 3, 4][..]),
        ("&type=session.*", &[1, 2, 3]),
        (&format!("&session={session}"), &[1, 2]),
        (&format!("&session={participant}&type=session.consumed"), &[2]),
        ("&room=d%C3%A9mo", &[1, 2, 3]),
        ("&user=7", &[4]),
        ("&room=d%C3%A9mo&user=7", &[]),
    ] {
        let mut reader = lone.watch(&format!("?after=0{query}"), None).await;
        let found = ids(&reader.take(expected.len()).await);
        assert_eq!(found, *expected, "{query}");
        drop(reader);
    }
    let mut reader = lone.watch("?type=user.created", None).await;
    let mut resumed = lone.watch("?after=4&room=other", None).await;
    all().await;
    assert_eq!(ids(&reader.take(1).await), [9]);
    assert_eq!(ids(&resumed.take(2).await), [5, 10]);
}

/// Promise: whoever asked for little resumes from what was looked at, not from what was found.
#[tokio::test(flavor = "multi_thread")]
async fn a_sign_of_life_moves_the_place_on() {
    require!(Nats::available());
    let lone = LoneEdge::start(&[]).await;
    some(&lone, 1).await;
    let mut reader = lone.watch("?type=user.created", None).await;
    some(&lone, 20).await;
    assert!(reader.within(Duration::from_secs(17)).await.is_err());
    assert_eq!(reader.last_id(), "21");
    assert!(!reader.comments().is_empty(), "no sign of life");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_ledger_let_go_is_said_and_another_ledger_is_noticed() {
    require!(Nats::available());
    let lone = LoneEdge::start(&[]).await;
    some(&lone, 8).await;
    lone.record.forgets(5);
    let mut reader = lone.watch("?after=2", None).await;
    let told = reader.take(4).await;
    assert_eq!((told[0].event.as_str(), told[0].json()), ("archived", json!({"through": 5})));
    assert_eq!(ids(&told), [5, 6, 7, 8]);
    lone.record.forgets(0);
    lone.record.begins_anew();
    let mut ahead = lone.watch("", Some("8")).await;
    assert_eq!(ahead.next().await, None);
    assert!(ahead.comments().iter().any(|comment| comment.contains("the ledger ends at 0")), "{:?}", ahead.comments());
    assert_eq!(reader.next().await, None, "whoever watched the other is not left waiting");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_events_a_second_reach_everybody_in_time() {
    require!(Nats::available());
    let lone = LoneEdge::start(&[]).await;
    some(&lone, 1).await;
    let mut readers = Vec::new();
    for _ in 0..8 {
        readers.push(lone.watch("", None).await);
    }
    let count = 5_000;
    let watching: Vec<_> = readers
        .into_iter()
        .map(|mut reader| {
            tokio::spawn(async move {
                let told = reader.take(count).await;
                (ids(&told), Instant::now())
            })
        })
        .collect();
    let began = Instant::now();
    for number in 0..count {
        lone.record.happens("session.consumed", json!({"room": "demo"})).await;
        let due = began + Duration::from_millis(number as u64);
        tokio::time::sleep(due.saturating_duration_since(Instant::now())).await;
    }
    let said = Instant::now();
    for reader in join_all(watching).await {
        let (ids, done) = reader.unwrap();
        assert!(ids.iter().copied().eq(2..2 + count as u64), "in order, and all");
        assert!(done < said + AT_ONCE, "{:?} after the last was said", done.duration_since(said));
    }
    assert!(said.duration_since(began) < Duration::from_secs(20), "the test itself is slow: {:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_place_and_no_filter_is_refused() {
    require!(Nats::available());
    let lone = LoneEdge::start(&[]).await;
    let api = lone.api().with_secret(lone.secret());
    for query in
        ["after=-1", "after=x", "type=Session", "session=%00", "broadcast=x", "user=ana", "room=", "after=1&after=1"]
    {
        api.get(&format!("/api/events?{query}")).await.problem(400, "malformed");
    }
    for id in ["x", "-1", "1.5", "99999999999999999999"] {
        api.clone().with("last-event-id", id).get("/api/events").await.problem(400, "malformed");
    }
    api.raw("HEAD", "/api/events", &[], "").await.expect(405);
    lone.api().get("/api/events").await.problem(401, "credential_required");
}
