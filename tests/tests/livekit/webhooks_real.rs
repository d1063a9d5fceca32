//! A real livekit-server tells a real edge what happens in its rooms.

use std::fs;
use std::path::Path;

use avanzacast_tests::{
    LiveKitKey, LiveKitOptions, LiveKitServer, LiveStudio, Participant, Stack, StackOptions, Stored, eventually,
    require,
};
use serde_json::{Value, json};

struct Told {
    stack: Stack,
    livekit: LiveKitServer,
    key: LiveKitKey,
}

impl Told {
    async fn start() -> Self {
        let livekit = LiveKitServer::reserve();
        let options = StackOptions { env: livekit.environment(), ..Default::default() };
        let stack = Stack::postgres(options).await;
        let webhook = Some(stack.webhook_url());
        let options = LiveKitOptions { webhook, ..LiveKitOptions::of(stack.signing_key()) };
        livekit.start(&options);
        Self { stack, livekit, key: options.key }
    }

    async fn end_room(&self, name: &str) {
        let (grants, room) = (json!({"roomCreate": true}), json!({"room": name}));
        let (status, answer) = self.livekit.call(&self.key, "DeleteRoom", grants, &room).await;
        assert_eq!(status, 200, "{answer}");
    }

    /// What was said of a room, in the order of INTAKE.
    async fn said_of(&self, room: &str) -> Vec<Stored> {
        let mut stored = self.stack.stored().await;
        stored.retain(|message| message.body["room"]["name"] == room);
        stored
    }

    async fn secret_of(&self, room: &str) -> String {
        let (_, answer) =
            self.livekit.call(&self.key, "ListRooms", json!({"roomList": true}), &json!({"names": [room]})).await;
        let secret = answer.pointer("/rooms/0/turn_password").and_then(Value::as_str).expect("LiveKit has one");
        assert!(secret.len() > 8, "{secret}");
        secret.to_owned()
    }
}

fn kinds(stored: &[Stored]) -> Vec<&str> {
    stored.iter().map(|message| message.subject.strip_prefix("in.livekit.").unwrap()).collect()
}

/// Whether any file under the folder has these bytes.
fn holds(folder: &Path, text: &str) -> bool {
    fs::read_dir(folder).unwrap().flatten().any(|entry| {
        let path = entry.path();
        if path.is_dir() {
            return holds(&path, text);
        }
        // A file of the server's may go while it is looked at.
        fs::read(&path).is_ok_and(|bytes| bytes.windows(text.len()).any(|window| window == text.as_bytes()))
    })
}

async fn a_stay_in_a_room_is_told_in_order_and_without_the_rooms_secret(told: &Told) {
    let ana = Participant::join(&told.livekit.url(), &told.key.token("p_ana", "told-room")).unwrap();
    let secret = told.secret_of("told-room").await;
    for process in told.stack.edges.iter().chain(&told.stack.workers) {
        process.forbid_in_logs(&secret);
    }
    eventually("she is said to be there", async || told.said_of("told-room").await.len() >= 2).await;
    ana.leave();
    eventually("she is said to have left", async || told.said_of("told-room").await.len() >= 3).await;
    told.end_room("told-room").await;
    eventually("the room is said to be gone", async || told.said_of("told-room").await.len() >= 4).await;

    let said = told.said_of("told-room").await;
    assert_eq!(kinds(&said), ["room_started", "participant_joined", "participant_left", "room_finished"]);
    let room = &said[0].body["room"];
    assert!(room["sid"].as_str().unwrap().starts_with("RM_"));
    let mut allowed: Vec<Vec<&str>> = Vec::new();
    for message in &said {
        let body = message.body.as_object().unwrap();
        assert_eq!(&body["room"], room, "one life of the room");
        assert_eq!(body["id"], message.id.as_str());
        assert!(message.id.starts_with("EV_") && body["createdAt"].as_i64().unwrap() > 1_700_000_000);
        assert_eq!(message.trace.len(), 55, "{}", message.trace);
        allowed.push(body.keys().map(String::as_str).collect());
    }
    assert_eq!(allowed[0], ["createdAt", "id", "kind", "room"]);
    assert_eq!(allowed[1], ["createdAt", "id", "kind", "participant", "room"]);
    let (joined, left) = (&said[1].body["participant"], &said[2].body["participant"]);
    assert_eq!((&joined["identity"], &joined["sid"]), (&json!("p_ana"), &left["sid"]));
    assert_eq!(left["disconnectReason"], "CLIENT_INITIATED");

    let store = told.stack.nats.as_ref().unwrap().store();
    assert!(holds(store, "told-room"), "the search itself works");
    assert!(!holds(store, &secret), "the room's secret is in the bus's store");
    assert!(!told.stack.query("SELECT body FROM ledger").contains(&secret));
}

/// Nobody tells the webhook again but LiveKit itself.
async fn what_came_while_no_worker_was_there_comes_again(told: &mut Told) {
    told.stack.workers[0].kill9();
    told.livekit.create_room(&told.key, "late-room").await;
    told.stack.edges[0].wait_for_log("request failed");
    assert!(told.said_of("late-room").await.is_empty());
    told.stack.restart_worker(0);
    let told = &*told;
    eventually("LiveKit comes again", async || !told.said_of("late-room").await.is_empty()).await;
    let said = told.said_of("late-room").await;
    assert_eq!(kinds(&said), ["room_started"]);
}

/// A LiveKit that has another key than we know is heard of in the log, and not believed.
async fn another_livekit_is_not_believed(told: &Told) {
    let other = LiveKitServer::reserve();
    let key = LiveKitKey::random();
    let webhook = Some(told.stack.webhook_url());
    other.start(&LiveKitOptions { webhook, ..LiveKitOptions::of((key.name(), key.secret())) });
    other.create_room(&key, "foreign-room").await;
    let log = told.stack.workers[0].wait_for_log("a webhook was refused");
    assert!(log["reason"].as_str().unwrap().contains("issuer"), "{log}");
    assert!(told.said_of("foreign-room").await.is_empty());
}

#[tokio::test]
async fn livekit_tells_what_happens_in_its_rooms() {
    require!(LiveStudio::available_with_postgres());
    let mut told = Told::start().await;
    a_stay_in_a_room_is_told_in_order_and_without_the_rooms_secret(&told).await;
    what_came_while_no_worker_was_there_comes_again(&mut told).await;
    another_livekit_is_not_believed(&told).await;
}
