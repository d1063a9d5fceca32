//! Questions to the record. Promises: an answer from the index is the answer of the whole ledger, however far the index
//! reaches and whatever is archived; who could enter and who did is said with proved names, and with what is not known;
//! replay goes on where it ended, and follows what happens.

mod archives;
mod find;
mod gaps;
mod livekit;
mod replay;
mod who;

use std::time::{SystemTime, UNIX_EPOCH};

use async_nats::jetstream;
use avanzacast_schemas::{SessionId, bus::BusUser};
use avanzacast_tests::{Answer, LiveKitKey, Stack};
use serde_json::{Value, json};

fn now() -> String {
    jiff::Timestamp::now().to_string()
}

fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// Publishes a webhook as the edge does once it is checked.
async fn tell(stack: &Stack, kind: &str, sid: &str, identity: &str) {
    let jetstream = jetstream::new(stack.bus_as(BusUser::Edge).await);
    let body = json!({"id": format!("EV_{kind}_{sid}"), "kind": kind, "createdAt": now_s(),
        "room": {"sid": "RM_one", "name": "demo"}, "participant": {"sid": sid, "identity": identity}});
    let publish = jetstream.publish(format!("in.livekit.{kind}"), body.to_string().into()).await.unwrap();
    publish.await.unwrap();
}

fn participant(created: &Answer) -> String {
    SessionId::try_from(created.str("id").to_owned()).unwrap().participant().as_str().to_owned()
}

async fn session(stack: &Stack, room: &str, name: &str) -> Answer {
    stack.api().post("/api/session", &json!({"room": room, "username": name})).await.expect(201)
}

/// A token that another server signed, registered by a user; answers the session's id.
async fn registered(stack: &Stack, room: &str, identity: &str, user: i64) -> String {
    let (name, secret) = stack.signing_key();
    let token = LiveKitKey::new(name, secret).token(identity, room);
    let id = format!("from-elsewhere-{identity}");
    let body = json!({"sessionId": id, "token": token, "createdBy": user});
    stack.api().with_secret(stack.secret()).post("/api/tokens", &body).await.expect(201);
    id
}

fn answer(stack: &Stack, arguments: &[&str]) -> Value {
    serde_json::from_str(&stack.audited(&[arguments, &["--json"]].concat())).unwrap()
}

/// One field of each.
fn each<'a>(list: &'a Value, field: &str) -> Vec<&'a str> {
    list.as_array().unwrap().iter().map(|one| one[field].as_str().unwrap_or("-")).collect()
}
