//! Events about sessions with all that they may say, beside those in `golden.rs` from before they could.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

mod golden_file;

use avanzacast_schemas::{Envelope, Event, SOURCE, SessionCreatedEvent, TokenRegistered};
use golden_file::check;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

const TIME: &str = "2026-02-02T02:40:00.007Z";
const LATER: &str = "2026-02-02T02:45:00.007Z";
const PARTICIPANT: &str = "p_fogkuxfwkgewsrvabnfa6sk32m";
const BROADCAST: &str = "019c1c3f-0000-7000-8000-000000000009";

fn read<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

fn event(name: &str, event: &Event) {
    let envelope = Envelope {
        specversion: "1.0",
        id: "019c1c3f-0000-7000-8000-000000000001",
        source: SOURCE,
        kind: event.kind(),
        time: TIME,
        datacontenttype: "application/json",
        dataschema: event.schema(),
        ledgerseq: "1",
        data: event,
    };
    check(&format!("evt.{name}.1"), &envelope);
}

#[test]
fn of_a_broadcast() {
    let created = json!({"actor": {"kind": "key", "name": "panel"}, "participant": PARTICIPANT,
        "room": format!("broadcast-{BROADCAST}"), "role": "host", "nameHash": "ab".repeat(32), "ttlSeconds": 86_400,
        "expiresAt": LATER, "broadcastId": BROADCAST});
    event("session.created-broadcast", &Event::SessionCreated(read::<SessionCreatedEvent>(created)));
}

#[test]
fn used_once() {
    let grants = json!({"roomJoin": true, "canPublish": true, "canSubscribe": true, "canPublishData": true});
    let registered = json!({"actor": {"kind": "bus", "name": "APIkey"}, "participant": PARTICIPANT, "room": "demo",
        "origin": "external", "issuer": "APIkey", "fingerprint": "ab".repeat(32), "grants": grants,
        "nameHash": "ab".repeat(32), "identityHash": "ab".repeat(32), "expiresAt": LATER, "tokenExpiresAt": LATER,
        "createdBy": 7, "singleUse": true, "broadcastId": BROADCAST});
    event("token.registered-once", &Event::TokenRegistered(read::<TokenRegistered>(registered)));
}
