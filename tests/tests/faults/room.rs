//! The room worker when things go wrong: webhooks that never come, workers that die, EVENTS that is gone.

use std::time::{Duration, Instant};

use avanzacast_schemas::bus::BusUser;
use avanzacast_tests::{Answer, LiveStudio, Postgres, Stack, StackOptions, eventually, payload, require};
use serde_json::{Value, json};

/// LiveKit is asked every 30 s, and a difference counts when it is seen twice, 3 s apart.
const RECONCILED: Duration = Duration::from_secs(60);
/// A lease of 20 s that nobody renews, and a look for it every 2 s.
const TAKEN_OVER: Duration = Duration::from_secs(40);

/// Long enough for every pause between tries to have become as long as it gets.
const AWAY: Duration = Duration::from_secs(60);
/// The longest pause is 5 s.
const BACK: Duration = Duration::from_secs(15);

async fn guest(studio: &LiveStudio) -> Answer {
    let body = json!({"room": "demo", "username": "Ana", "ttl": 600});
    let created = studio.keeper().post("/api/session", &body).await.expect(201);
    studio.api().get(&format!("/api/session/{}", created.str("id"))).await.expect(200)
}

fn participant(session: &Answer) -> Value {
    payload(session.str("token"))["sub"].clone()
}

async fn within(limit: Duration, what: &str, mut reached: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + limit;
    while !reached().await {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// LiveKit keeps webhooks in memory and gives up after some tries. Here none ever comes.
#[tokio::test]
async fn what_no_webhook_told_is_found_and_said() {
    require!(LiveStudio::available_with_postgres());
    let studio = LiveStudio::postgres_with(StackOptions { rooms: 1, ..Default::default() }, false).await;
    let stack = &studio.stack;
    eventually("LiveKit was asked once", async || !stack.query("SELECT known_at FROM presence_watch").is_empty()).await;
    let session = guest(&studio).await;
    let ana = studio.join(&session);
    let of = |kind: &str| stack.events_of_type(kind).into_iter().next().map(|event| event["data"].clone());
    within(RECONCILED, "she is found", async || of("participant.joined").is_some()).await;
    let joined = of("participant.joined").unwrap();
    assert_eq!((&joined["participant"], &joined["source"]), (&participant(&session), &json!("reconciliation")));
    assert_eq!(of("room.started").unwrap()["source"], "reconciliation");
    let gap = of("presence.gap").unwrap();
    assert_eq!((&gap["joined"], &gap["left"], &gap["started"]), (&json!(1), &json!(0), &json!(1)));
    assert!(gap["from"].as_str() < gap["to"].as_str(), "{gap}");
    ana.leave();
    within(RECONCILED, "she is missed", async || of("participant.left").is_some()).await;
    assert_eq!(of("participant.left").unwrap()["source"], "reconciliation");
    assert_eq!(stack.events_of_type("presence.gap").len(), 2);
}

/// Whoever is revoked is found as well, however they came in.
#[tokio::test]
async fn whoever_is_revoked_is_put_out_without_any_webhook() {
    require!(LiveStudio::available_with_postgres());
    let studio = LiveStudio::postgres_with(StackOptions { rooms: 1, ..Default::default() }, false).await;
    let session = guest(&studio).await;
    let ana = studio.join(&session);
    studio.keeper().delete(&format!("/api/session/{}", session.str("id"))).await.expect(204);
    assert_eq!(ana.wait_for_end(), "PARTICIPANT_REMOVED");
    let back = studio.join(&session);
    let (admin, room) = (json!({"roomAdmin": true, "room": "demo"}), json!({"room": "demo"}));
    within(RECONCILED, "she is found and put out", async || {
        let (_, answer) = studio.livekit.call(&studio.key, "ListParticipants", admin.clone(), &room).await;
        answer["participants"].as_array().is_none_or(Vec::is_empty)
    })
    .await;
    assert_eq!(back.wait_for_end(), "PARTICIPANT_REMOVED", "found in the room and put out, with no webhook");
}

/// A LiveKit that dies takes its webhooks along: nobody is said to have left.
#[tokio::test]
async fn whoever_was_in_a_livekit_that_died_is_gone() {
    require!(LiveStudio::available_with_postgres());
    let studio = LiveStudio::postgres_with(StackOptions { rooms: 1, ..Default::default() }, true).await;
    let stack = &studio.stack;
    let ana = studio.join(&guest(&studio).await);
    eventually("she is there", async || stack.events_of_type("participant.joined").len() == 1).await;
    studio.livekit.kill();
    drop(ana);
    studio.livekit.start_again();
    within(RECONCILED, "she is missed", async || stack.events_of_type("participant.left").len() == 1).await;
    within(RECONCILED, "the room is missed", async || stack.events_of_type("room.finished").len() == 1).await;
}

/// 400 webhooks and a worker that is killed again and again: each is applied, once.
#[tokio::test]
async fn killed_room_workers_lose_and_double_nothing() {
    require!(Postgres::available());
    const STAYS: usize = 200;
    let mut stack = Stack::postgres(StackOptions { rooms: 2, ..Default::default() }).await;
    let jetstream = async_nats::jetstream::new(stack.bus_as(BusUser::Edge).await);
    for n in 0..STAYS {
        for (kind, id) in [("participant_left", "L"), ("participant_joined", "J")] {
            let webhook = json!({"id": format!("EV_{id}{n}"), "kind": kind, "createdAt": 1_770_000_000,
                "room": {"sid": "RM_one", "name": "demo"}, "participant": {"sid": format!("PA_{n}"), "identity": "ana"}});
            let publish = jetstream.publish(format!("in.livekit.{kind}"), webhook.to_string().into()).await.unwrap();
            publish.await.unwrap();
        }
        if n % 40 == 20 {
            stack.restart_room(n / 40 % 2);
        }
    }
    let count = |kind: &str| stack.events_of_type(kind).len();
    within(RECONCILED, "all are applied", async || count("participant.joined") == STAYS).await;
    within(RECONCILED, "all are applied", async || count("participant.left") == STAYS).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!((count("participant.joined"), count("participant.left")), (STAYS, STAYS));
}

/// The worker that follows the ledger dies: another takes its place, and does what was left undone.
#[tokio::test]
async fn another_worker_takes_the_place_of_the_one_that_followed() {
    require!(LiveStudio::available_with_postgres());
    let mut studio = LiveStudio::postgres_with(StackOptions { rooms: 2, ..Default::default() }, true).await;
    let session = guest(&studio).await;
    let ana = studio.join(&session);
    let owner = studio.stack.query("SELECT owner FROM reactor WHERE name = 'room'");
    assert_ne!(owner, "", "one of them leads");
    // Whichever leads is dead, and the other does not lead yet.
    for room in &studio.stack.rooms {
        room.kill9();
    }
    studio.keeper().delete(&format!("/api/session/{}", session.str("id"))).await.expect(204);
    studio.stack.rooms.clear();
    studio.stack.rooms.push(studio.stack.start_room());
    let start = Instant::now();
    assert_eq!(ana.wait_for_end(), "PARTICIPANT_REMOVED");
    assert!(start.elapsed() < TAKEN_OVER);
    assert_ne!(studio.stack.query("SELECT owner FROM reactor WHERE name = 'room'"), owner);
}

/// EVENTS is a copy. Without it the ledger is read, and when it is made anew it is read again.
#[tokio::test]
async fn a_deleted_events_stream_keeps_nobody_in() {
    require!(LiveStudio::available_with_postgres());
    let studio = LiveStudio::postgres_with(StackOptions { rooms: 1, ..Default::default() }, true).await;
    let jetstream = async_nats::jetstream::new(studio.stack.admin().await);
    for again in [false, true] {
        let session = guest(&studio).await;
        let ana = studio.join(&session);
        if !again {
            jetstream.delete_stream("EVENTS").await.unwrap();
        }
        studio.keeper().delete(&format!("/api/session/{}", session.str("id"))).await.expect(204);
        assert_eq!(ana.wait_for_end(), "PARTICIPANT_REMOVED");
        studio.stack.provision();
    }
    // Cut short from the front: what it no longer has is in the ledger.
    let before = studio.stack.query("SELECT position FROM reactor WHERE name = 'room'").parse::<u64>().unwrap();
    let session = guest(&studio).await;
    let ana = studio.join(&session);
    jetstream.get_stream("EVENTS").await.unwrap().purge().await.unwrap();
    studio.keeper().delete(&format!("/api/session/{}", session.str("id"))).await.expect(204);
    assert_eq!(ana.wait_for_end(), "PARTICIPANT_REMOVED");
    let after = studio.stack.query("SELECT position FROM reactor WHERE name = 'room'").parse::<u64>().unwrap();
    assert!(after > before);
}

/// What was asked for while LiveKit was away is done when it is back.
#[tokio::test]
async fn what_livekit_missed_is_done_when_it_is_back() {
    require!(LiveStudio::available_with_postgres());
    let studio = LiveStudio::postgres_with(StackOptions { rooms: 1, ..Default::default() }, true).await;
    let keeper = studio.keeper();
    let broadcast = async || {
        let created = keeper.post("/api/broadcasts", &json!({"title": "Friday"})).await.expect(201);
        created.str("id").to_owned()
    };
    studio.livekit.kill();
    let (id, over) = (broadcast().await, broadcast().await);
    for step in ["start", "end"] {
        keeper.post_empty(&format!("/api/broadcasts/{over}/{step}")).await.expect(200);
    }
    let session = guest(&studio).await;
    keeper.delete(&format!("/api/session/{}", session.str("id"))).await.expect(204);
    tokio::time::sleep(AWAY).await;
    let waits = async || {
        let text = studio.stack.rooms[0].metrics().await;
        text.contains(r#"avanzacast_reactor_waits{reactor="room"} 1"#)
    };
    assert!(waits().await, "somebody can see that it waits");
    studio.livekit.start_again();
    let back = Instant::now();
    let list = json!({"roomList": true});
    within(BACK, "what was missed is done", async || {
        let (_, answer) = studio.livekit.call(&studio.key, "ListRooms", list.clone(), &json!({})).await;
        answer["rooms"]
            .as_array()
            .is_some_and(|rooms| rooms.iter().any(|room| room["name"] == format!("broadcast-{id}")))
    })
    .await;
    assert!(back.elapsed() < BACK);
    let out = studio.join(&session);
    assert_eq!(out.wait_for_end(), "PARTICIPANT_REMOVED", "revoked while LiveKit was away");
    let (_, answer) = studio.livekit.call(&studio.key, "ListRooms", list.clone(), &json!({})).await;
    assert!(!answer.to_string().contains(&over), "it had ended by then");
    assert!(!waits().await);
}
