//! Who is in which room, as LiveKit tells it: applied once, in any order, kept by stay. Here the webhooks are published
//! as the edge does once they are checked, so that they can come late, twice and turned around.

use avanzacast_schemas::bus::BusUser;
use avanzacast_tests::{Stack, eventually, on_both_databases};
use serde_json::{Value, json};

/// Webhooks as they stand in INTAKE.
struct Told {
    jetstream: async_nats::jetstream::Context,
}

impl Told {
    async fn by(stack: &Stack) -> Self {
        Self { jetstream: async_nats::jetstream::new(stack.bus_as(BusUser::Edge).await) }
    }

    async fn publish(&self, webhook: &Value) {
        let subject = format!("in.livekit.{}", webhook["kind"].as_str().unwrap());
        let publish = self.jetstream.publish(subject, webhook.to_string().into()).await.unwrap();
        publish.await.unwrap();
    }
}

fn about(kind: &str, id: &str, sid: &str, identity: &str) -> Value {
    json!({"id": id, "kind": kind, "createdAt": 1_770_000_000, "room": {"sid": "RM_one", "name": "demo"},
        "participant": {"sid": sid, "identity": identity}})
}

fn count(stack: &Stack, kind: &str) -> usize {
    stack.events_of_type(kind).len()
}

/// A webhook that comes again, under the same id or as another about the same, is nothing new.
async fn a_stay_begins_and_ends_once_in_whatever_order(stack: &Stack) {
    let told = Told::by(stack).await;
    let (joined, left) =
        (about("participant_joined", "EV_1", "PA_1", "ana"), about("participant_left", "EV_2", "PA_1", "ana"));
    for webhook in [&left, &joined, &left, &joined, &about("participant_left", "EV_3", "PA_1", "ana")] {
        told.publish(webhook).await;
    }
    // A second stay of the same person begins before the first is said to have ended.
    told.publish(&about("participant_joined", "EV_4", "PA_2", "ana")).await;
    eventually("the second stay is known", async || count(stack, "participant.joined") == 2).await;
    assert_eq!(count(stack, "participant.left"), 1);
    let open = stack.query("SELECT sid FROM presence WHERE left_at IS NULL");
    assert_eq!(open, "PA_2", "who is there is known by stay");
    let events = stack.ledger().join("\n");
    assert!(!events.contains("\"ana\""), "an identity that we did not make stands in no event");
    let (first, second) =
        (&stack.events_of_type("participant.left")[0]["data"], &stack.events_of_type("participant.joined")[0]["data"]);
    assert_eq!(first["identityHash"], second["identityHash"], "both ends of a stay say the same of whose it was");
}

async fn a_room_begins_and_ends_once(stack: &Stack) {
    let told = Told::by(stack).await;
    let room = |kind: &str, id: &str| {
        json!({"id": id, "kind": kind, "createdAt": 1_770_000_000,
        "room": {"sid": "RM_one", "name": "demo"}})
    };
    for webhook in [room("room_finished", "EV_2"), room("room_started", "EV_1"), room("room_started", "EV_1")] {
        told.publish(&webhook).await;
    }
    eventually("the room is known", async || count(stack, "room.started") == 1).await;
    assert_eq!(count(stack, "room.finished"), 1);
    assert_eq!(stack.query("SELECT count(*) FROM room WHERE finished_at IS NULL"), "0");
}

/// A registration may be on its way, so somebody unknown is reported some seconds later; never who has a token.
async fn who_came_by_a_token_that_we_never_saw_is_reported(stack: &Stack) {
    let told = Told::by(stack).await;
    let api = stack.api();
    let session = api.post("/api/session", &json!({"room": "demo", "username": "Ana"})).await.expect(201);
    let token = api.get(&format!("/api/session/{}", session.str("id"))).await.expect(200);
    let participant = avanzacast_tests::payload(token.str("token"))["sub"].as_str().unwrap().to_owned();
    let legacy = api.get("/api/token?room=demo&username=Eva").await.expect(200);
    drop(legacy);
    told.publish(&about("participant_joined", "EV_1", "PA_1", &participant)).await;
    told.publish(&about("participant_joined", "EV_2", "PA_2", "Eva")).await;
    told.publish(&about("participant_joined", "EV_3", "PA_3", "p_aaaaaaaaaaaaaaaaaaaaaaaaaa")).await;
    told.publish(&about("participant_joined", "EV_4", "PA_4", "mallory")).await;
    eventually("strangers are reported", async || count(stack, "participant.unknown") == 2).await;
    let strangers: Vec<_> =
        stack.events_of_type("participant.unknown").iter().map(|event| event["data"]["sid"].clone()).collect();
    assert_eq!(strangers, ["PA_3", "PA_4"]);
    let joined = stack.events_of_type("participant.joined");
    assert_eq!(joined[0]["data"]["participant"], json!(participant));
    assert_eq!(joined[0]["data"].get("identityHash"), None, "our own identity needs no hiding");
    assert_eq!(joined[3]["data"].get("participant"), None);
}
on_both_databases!(a_stay_begins_and_ends_once_in_whatever_order, [], rooms: 1);
on_both_databases!(a_room_begins_and_ends_once, [], rooms: 1);
on_both_databases!(who_came_by_a_token_that_we_never_saw_is_reported, [], rooms: 1);
