//! Rooms, presence, webhooks and registrations: one file per message and version, as in `golden.rs`.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

mod golden_file;

use avanzacast_schemas::{
    Envelope, Event, GetRegistration, ParticipantId, Registration, SOURCE, VerifyWebhook, Webhook, WebhookKind,
};
use golden_file::check;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

const TIME: &str = "2026-02-02T02:40:00.007Z";

fn read<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

fn participant() -> Value {
    json!({"sid": "PA_x", "identity": "p_abcdefghijklmnopqrstuvwxyz", "joinedAt": 1_770_000_000,
        "disconnectReason": "CLIENT_INITIATED"})
}

#[test]
fn webhooks() {
    let webhook: Webhook = read(json!({"id": "EV_x", "kind": "participant_left", "createdAt": 1_770_000_000,
        "room": {"sid": "RM_x", "name": "demo"}, "participant": participant()}));
    check("in.livekit.1", &webhook);
    let webhook: Webhook = read(json!({"id": "EV_x", "kind": "room_started", "createdAt": 1_770_000_000,
        "room": {"sid": "RM_x", "name": "demo"}}));
    check("in.livekit.room.1", &webhook);
    check("qry.livekit.verify.1", &read::<VerifyWebhook>(json!({"authorization": "a.b.c", "sha256": "abc="})));
    for kind in WebhookKind::ALL {
        assert_eq!(json!(kind), json!(kind.name()), "one name for the field and for the subject");
    }
}

#[test]
fn registrations() {
    let asked = json!({"sessionId": "9f1c2d3e-0000-4000-8000-000000000001", "token": "a.b.c"});
    check("qry.registration.get.1", &read::<GetRegistration>(asked));
    let url = "https://studio.example.com/9f1c2d3e-0000-4000-8000-000000000001";
    check("reply.registration.active.1", &read::<Registration>(json!({"state": "active", "studioUrl": url})));
    let refused = json!({"state": "refused", "code": "token_invalid"});
    check("reply.registration.refused.1", &read::<Registration>(refused));
    check("reply.registration.unknown.1", &read::<Registration>(json!({"state": "unknown"})));
}

#[test]
fn an_identity_of_our_form_names_a_participant() {
    assert!(ParticipantId::named("p_abcdefghijklmnopqrstuvwx27").is_some());
    for other in
        ["", "p_", "ana", "p_abcdefghijklmnopqrstuvwx2", "p_abcdefghijklmnopqrstuvwx28", "q_abcdefghijklmnopqrstuvwx27"]
    {
        assert!(ParticipantId::named(other).is_none(), "{other}");
    }
}

#[test]
fn events() {
    let hash = "ab".repeat(32);
    let stay = json!({"actor": {"kind": "livekit"}, "room": "demo", "roomSid": "RM_x", "sid": "PA_x",
        "participant": "p_abcdefghijklmnopqrstuvwx27", "source": "webhook"});
    let with = |mut base: Value, more: Value| {
        base.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        base
    };
    event(&Event::ParticipantJoined(read(with(stay.clone(), json!({"joinedAt": TIME})))));
    let foreign = json!({"actor": {"kind": "livekit"}, "room": "demo", "roomSid": "RM_x", "sid": "PA_x",
        "identityHash": hash, "leftAt": TIME, "reason": "CLIENT_INITIATED", "source": "reconciliation"});
    event(&Event::ParticipantLeft(read(foreign)));
    let unknown = json!({"actor": {"kind": "sweep"}, "room": "demo", "roomSid": "RM_x", "sid": "PA_x",
        "identityHash": hash, "joinedAt": TIME});
    event(&Event::ParticipantUnknown(read(unknown)));
    let room =
        json!({"actor": {"kind": "livekit"}, "room": "demo", "roomSid": "RM_x", "at": TIME, "source": "webhook"});
    event(&Event::RoomStarted(read(room.clone())));
    event(&Event::RoomFinished(read(room)));
    let gap = json!({"actor": {"kind": "livekit"}, "from": TIME, "to": TIME, "joined": 1, "left": 2, "started": 0,
        "finished": 0});
    event(&Event::PresenceGap(read(gap)));
}

fn event(event: &Event) {
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
    check(&format!("evt.{}.1", event.kind()), &envelope);
}
