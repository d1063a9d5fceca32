//! Workers as processes: each alone, or all in one, with the credentials that each needs.

use avanzacast_tests::{Launch, Postgres, Stack, StackOptions, require};
use futures::StreamExt;
use serde_json::{Value, json};

#[tokio::test]
async fn one_process_may_be_all_workers() {
    require!(Postgres::available());
    let stack = Stack::postgres(StackOptions { workers: 0, studios: 0, ..StackOptions::default() }).await;
    let worker = stack.start_all_workers();
    worker.wait_for_log("ready");
    let api = stack.api().with_secret(stack.secret());
    api.post("/api/session", &json!({"room": "demo", "username": "Ana"})).await.expect(201);
    let made = api.post("/api/broadcasts", &json!({"title": "Friday night"})).await.expect(201);
    api.post_empty(&format!("/api/broadcasts/{}/start", made.str("id"))).await.expect(200);
    api.get("/api/broadcasts").await.expect(200);
}

#[test]
fn a_worker_does_not_start_without_what_it_needs_and_says_all_that_is_missing() {
    let missing = [
        ("studio-worker", &["DATABASE_URL", "NATS_URL", "NATS_STUDIO_PASSWORD"][..]),
        ("room-worker", &["DATABASE_URL", "NATS_URL", "NATS_ROOM_PASSWORD", "LIVEKIT_API_SECRET", "LIVEKIT_WS_URL"]),
        (
            "worker",
            &[
                "LIVEKIT_API_SECRET",
                "DATABASE_URL",
                "NATS_SESSION_PASSWORD",
                "NATS_STUDIO_PASSWORD",
                "NATS_ROOM_PASSWORD",
            ],
        ),
    ];
    for (role, names) in missing {
        let process = Launch::product(&[role]).start();
        assert_eq!(process.wait().code(), Some(2), "{role}");
        let said = process.logs().join("\n");
        for name in names {
            assert!(said.contains(name), "{role} does not mention {name}: {said}");
        }
        if role == "studio-worker" {
            assert!(!said.contains("LIVEKIT"), "it has nothing to do with LiveKit: {said}");
        }
    }
}

#[tokio::test]
async fn the_studio_service_says_what_it_serves() {
    require!(Postgres::available());
    let stack = Stack::postgres(StackOptions { studios: 2, ..StackOptions::default() }).await;
    let admin = stack.admin().await;
    let inbox = admin.new_inbox();
    let mut answers = admin.subscribe(inbox.clone()).await.unwrap();
    admin.publish_with_reply("$SRV.INFO.studio", inbox, "".into()).await.unwrap();
    let mut subjects = Vec::new();
    let limit = std::time::Duration::from_secs(2);
    while let Ok(Some(message)) = tokio::time::timeout(limit, answers.next()).await {
        let info: Value = serde_json::from_slice(&message.payload).unwrap();
        let endpoints = info["endpoints"].as_array().unwrap();
        subjects.extend(endpoints.iter().map(|endpoint| endpoint["subject"].as_str().unwrap().to_owned()));
    }
    for subject in [
        "cmd.user.create",
        "cmd.broadcast.create",
        "cmd.broadcast.start",
        "cmd.broadcast.end",
        "qry.user.get",
        "qry.broadcast.get",
        "qry.broadcast.list",
    ] {
        assert_eq!(subjects.iter().filter(|found| *found == subject).count(), 2, "one per worker: {subjects:?}");
    }
}
