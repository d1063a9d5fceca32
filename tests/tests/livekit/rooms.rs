//! What broadcasts and sessions ask for in LiveKit: rooms that exist while they should, and people who are put out.

use std::time::{Duration, Instant};

use avanzacast_tests::{Answer, LiveStudio, eventually, require};
use serde_json::{Value, json};

/// Generous for a busy machine: it takes some 30 ms on an idle one.
const EVICTED_WITHIN: Duration = Duration::from_secs(5);

/// How long tokens without a session live: two hours.
const ENV: &[(&str, &str)] = &[("SESSION_TTL_SECONDS", "7200")];

async fn rooms(studio: &LiveStudio) -> Vec<Value> {
    let (status, answer) = studio.livekit.call(&studio.key, "ListRooms", json!({"roomList": true}), &json!({})).await;
    assert_eq!(status, 200, "{answer}");
    answer["rooms"].as_array().unwrap().clone()
}

async fn has_room(studio: &LiveStudio, name: &str) -> bool {
    rooms(studio).await.iter().any(|room| room["name"] == name)
}

async fn broadcast(studio: &LiveStudio) -> String {
    let created = studio.keeper().post("/api/broadcasts", &json!({"title": "Friday"})).await.expect(201);
    created.str("id").to_owned()
}

async fn guest(studio: &LiveStudio, path: &str, room: &str) -> Answer {
    let body = json!({"room": room, "username": "Ana", "ttl": 600});
    let created = studio.keeper().post(path, &body).await.expect(201);
    studio.keeper().get(&format!("/api/session/{}", created.str("id"))).await.expect(200)
}

async fn revoke(studio: &LiveStudio, session: &Answer) {
    studio.keeper().delete(&format!("/api/session/{}", session.str("id"))).await.expect(204);
}

/// With `auto_create: false` nobody could enter a broadcast whose room is not there.
async fn a_broadcast_has_its_room_until_it_ends(studio: LiveStudio) {
    let id = broadcast(&studio).await;
    let name = format!("broadcast-{id}");
    eventually("the broadcast's room exists", async || has_room(&studio, &name).await).await;
    let room = rooms(&studio).await.into_iter().find(|room| room["name"] == name.as_str()).unwrap();
    assert_eq!(room["metadata"], json!({"broadcastId": id}).to_string());
    assert_eq!((&room["empty_timeout"], &room["departure_timeout"]), (&json!(3600), &json!(600)));
    let session = guest(&studio, &format!("/api/broadcasts/{id}/session"), "").await;
    let ana = studio.join(&session);
    let keeper = studio.keeper();
    keeper.post_empty(&format!("/api/broadcasts/{id}/start")).await.expect(200);
    keeper.post_empty(&format!("/api/broadcasts/{id}/end")).await.expect(200);
    assert_eq!(ana.wait_for_end(), "ROOM_DELETED");
    eventually("the room is gone", async || !has_room(&studio, &name).await).await;
}

/// A token that is still good makes the room anew where LiveKit lets it: it is ended again.
async fn the_room_of_an_ended_broadcast_does_not_come_back(studio: LiveStudio) {
    let id = broadcast(&studio).await;
    let keeper = studio.keeper();
    for step in ["start", "end"] {
        keeper.post_empty(&format!("/api/broadcasts/{id}/{step}")).await.expect(200);
    }
    let name = format!("broadcast-{id}");
    eventually("the room is gone", async || !has_room(&studio, &name).await).await;
    for _ in 0..2 {
        let before = studio.stack.events_of_type("room.finished").len();
        // What somebody does who joins: but a client that is thrown out while it joins tries for half a minute more.
        studio.livekit.create_room(&studio.key, &name).await;
        let ended = async || studio.stack.events_of_type("room.finished").len() > before;
        eventually("the room is gone again", async || ended().await && !has_room(&studio, &name).await).await;
    }
}

/// Until when (Unix milliseconds) this key is barred: a minute longer than the last of its tokens is good.
fn barred_until(studio: &LiveStudio, room: &str, identity: &str) -> i64 {
    let line_feed = if studio.stack.is_sqlite() { "char(10)" } else { "chr(10)" };
    let key = format!("'{room}' || {line_feed} || '{identity}'");
    studio.stack.query(&format!("SELECT until FROM barred WHERE key = {key}")).parse().unwrap_or_default()
}

const MINUTE: i64 = 60_000;

/// `exp`, in Unix milliseconds.
fn end_of(token: &str) -> i64 {
    avanzacast_tests::payload(token)["exp"].as_i64().unwrap() * 1000
}

/// Tokens without a session live for hours here, and sessions for ten minutes.
async fn every_token_counts_for_how_long_somebody_is_barred(studio: LiveStudio) {
    let (keeper, foreign) = (studio.keeper(), &studio.key);
    let issue = async |room: &str, name: &str| {
        let path = format!("/api/token?room={room}&username={name}");
        let answer = keeper.get(&path).await.expect(200);
        end_of(answer.str("token"))
    };
    // Somebody with a registered token and one by the legacy door.
    let body = json!({"sessionId": "reg-luz", "token": foreign.token("luz", "demo")});
    keeper.post("/api/tokens", &body).await.expect(201);
    let issued = issue("demo", "luz").await;
    keeper.delete("/api/session/reg-luz").await.expect(204);
    eventually("she is barred", async || barred_until(&studio, "demo", "luz") == issued + MINUTE).await;
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let issued = issue("demo", "luz").await;
    eventually("longer, with another one", async || barred_until(&studio, "demo", "luz") == issued + MINUTE).await;

    // And of everybody's in a broadcast's room.
    let id = broadcast(&studio).await;
    let room = format!("broadcast-{id}");
    let issued = issue(&room, "ana").await;
    guest(&studio, &format!("/api/broadcasts/{id}/session"), "").await;
    for step in ["start", "end"] {
        keeper.post_empty(&format!("/api/broadcasts/{id}/{step}")).await.expect(200);
    }
    eventually("the room is barred", async || barred_until(&studio, &room, "") == issued + MINUTE).await;
    // No more tokens of ours, and one of another minter's, which nobody can refuse, counts.
    let body = json!({"room": room, "username": "Ana"});
    keeper.post("/api/internal/session", &body).await.problem(409, "broadcast_ended");
    keeper.post("/api/session", &body).await.problem(409, "broadcast_ended");
    keeper.get(&format!("/api/token?room={room}&username=Ana")).await.problem(409, "broadcast_ended");
    let mut claims = foreign.claims("eva", json!({"room": room, "roomJoin": true}));
    claims["exp"] = json!(issued / 1000 + 3_600);
    let late = foreign.sign(&claims);
    keeper.post("/api/tokens", &json!({"sessionId": "reg-eva", "token": late})).await.expect(201);
    let wanted = end_of(&late) + MINUTE;
    eventually("the bar is longer", async || barred_until(&studio, &room, "") == wanted).await;
}

/// LiveKit itself has no revocation: the token would let in again and again.
async fn whoever_is_revoked_is_out_and_stays_out(studio: LiveStudio) {
    let (session, other) = (guest(&studio, "/api/session", "demo").await, guest(&studio, "/api/session", "demo").await);
    let (ana, eva) = (studio.join(&session), studio.join(&other));
    let start = Instant::now();
    revoke(&studio, &session).await;
    assert_eq!(ana.wait_for_end(), "PARTICIPANT_REMOVED");
    report("revoked", start.elapsed());
    for _ in 0..2 {
        let start = Instant::now();
        let again = studio.join(&session);
        assert_eq!(again.wait_for_end(), "PARTICIPANT_REMOVED");
        report("came back", start.elapsed());
    }
    eva.leave();
    let ana = session_participant(&session);
    eventually("the ledger says all of it", async || {
        let of_ana = |kind: &str| {
            studio.stack.events_of_type(kind).iter().filter(|event| event["data"]["participant"] == ana).count()
        };
        (of_ana("participant.joined"), of_ana("participant.left")) == (3, 3)
    })
    .await;
    let left = studio.stack.events_of_type("participant.left");
    let reasons: Vec<_> = left.iter().map(|event| event["data"]["reason"].as_str().unwrap_or_default()).collect();
    assert!(reasons.contains(&"CLIENT_INITIATED") && reasons.contains(&"PARTICIPANT_REMOVED"), "{reasons:?}");
    assert_eq!(studio.stack.events_of_type("participant.unknown").len(), 0);
}

fn session_participant(session: &Answer) -> Value {
    avanzacast_tests::payload(session.str("token"))["sub"].clone()
}

#[expect(clippy::print_stdout, reason = "a measurement, shown with --nocapture")]
fn report(what: &str, elapsed: Duration) {
    println!("{what}: out after {} ms", elapsed.as_millis());
    assert!(elapsed < EVICTED_WITHIN, "{what}: out only after {elapsed:?}");
}

macro_rules! on_both {
    ($($story:ident $auto_create:literal,)*) => {$(
        mod $story {
            use super::{LiveStudio, require};

            #[tokio::test]
            async fn sqlite() {
                require!(LiveStudio::available());
                super::$story(LiveStudio::sqlite($auto_create, super::ENV).await).await;
            }

            #[tokio::test]
            async fn postgres() {
                require!(LiveStudio::available_with_postgres());
                super::$story(LiveStudio::postgres($auto_create, super::ENV).await).await;
            }
        }
    )*};
}

on_both! {
    a_broadcast_has_its_room_until_it_ends false,
    the_room_of_an_ended_broadcast_does_not_come_back true,
    whoever_is_revoked_is_out_and_stays_out true,
    every_token_counts_for_how_long_somebody_is_barred true,
}
