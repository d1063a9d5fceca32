//! Dead letters of webhooks. Promise: what comes past the edge's check is applied or buried, and hurts nobody beside it.

use async_nats::{HeaderMap, jetstream};
use avanzacast_schemas::WebhookKind;
use avanzacast_tests::{Postgres, Stack, StackOptions, eventually, require};
use serde_json::{Value, json};

use super::dead::{JUST_UNDER, LOOKS_LIKE_A_TOKEN, dead, listed, messages, publish};

/// What LiveKit would tell, of some room.
fn webhook(kind: &str, n: usize) -> Value {
    let mut told = json!({"id": format!("EV_{n}"), "kind": kind, "createdAt": 1_770_000_000,
        "room": {"sid": format!("RM_{n}"), "name": "demo"}});
    if kind.starts_with("participant") {
        told["participant"] = json!({"sid": format!("PA_{n}"), "identity": "ana", "joinedAt": 1_770_000_000});
    }
    told
}

/// What can never work, of a webhook of this kind.
fn poisoned_webhooks(kind: &str) -> Vec<Vec<u8>> {
    let with = |name: &str, value: Value| {
        let mut told = webhook(kind, 0);
        told[name] = value;
        told.to_string().into_bytes()
    };
    let mut large = with("room", json!({"sid": "RM_0"}));
    large.resize(JUST_UNDER, b' ');
    vec![
        b"not json".to_vec(),
        json!(LOOKS_LIKE_A_TOKEN).to_string().into_bytes(),
        with("kind", json!(LOOKS_LIKE_A_TOKEN)),
        with("createdAt", json!("soon")),
        with("room", json!({"sid": "RM_0", "name": "*"})),
        json!({"version": 99, "webhook": webhook(kind, 0)}).to_string().into_bytes(),
        large,
    ]
}

/// The edge checks what LiveKit tells before it is stored; what comes another way is taken no worse.
async fn webhooks(stack: &Stack) {
    let jetstream = jetstream::new(stack.admin().await);
    let (mut buried, mut told) = (0, 0);
    for kind in WebhookKind::ALL.map(WebhookKind::name) {
        let subject = format!("in.livekit.{kind}");
        for body in poisoned_webhooks(kind) {
            publish(&jetstream, &subject, HeaderMap::new(), body).await;
            buried += 1;
            told += 1;
            let good = webhook("room_started", told).to_string().into_bytes();
            publish(&jetstream, "in.livekit.room_started", HeaderMap::new(), good).await;
        }
    }
    // Nothing of LiveKit's is called so, and a known webhook is not what its subject says.
    for (subject, kind) in [("in.livekit.other", "room_started"), ("in.livekit.room_finished", "room_started")] {
        publish(&jetstream, subject, HeaderMap::new(), webhook(kind, 0).to_string().into_bytes()).await;
        buried += 1;
    }
    eventually("INTAKE is empty", async || messages(&jetstream, "INTAKE").await == 0).await;
    assert_eq!(messages(&jetstream, "DEAD").await, buried, "{:#?}", listed(stack, &["--subject", "in.livekit.*"]));
    let started = stack.ledger().iter().filter(|line| line.contains("\"type\":\"room.started\"")).count();
    assert_eq!(started, told, "the ones around them are applied");
    assert_eq!(listed(stack, &["--subject", "in.livekit.*"]).len() as u64, buried);
    assert_eq!(listed(stack, &["--subject", "in.livekit.other"]).len(), 1);
    assert!(!dead(stack, 0, &["list"]).contains("eyJ"));
    assert!(dead(stack, 0, &["redrive", "1"]).contains("in.livekit."), "an operator may try again");
    eventually("it is buried again", async || messages(&jetstream, "DEAD").await == buried).await;
}

mod webhooks_story {
    use super::{Postgres, Stack, StackOptions, require, webhooks};

    #[tokio::test(flavor = "multi_thread")]
    async fn sqlite() {
        webhooks(&Stack::sqlite().await).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn postgres() {
        require!(Postgres::available());
        webhooks(&Stack::postgres(StackOptions { rooms: 1, ..StackOptions::default() }).await).await;
    }
}
