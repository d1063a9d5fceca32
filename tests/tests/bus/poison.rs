//! What is no command, on every subject that somebody answers. Promise: its sender is told so, and nobody else notices.

use std::time::Duration;

use async_nats::{Client, HeaderMap};
use avanzacast_schemas::bus::{BusUser, header};
use avanzacast_tests::{Stack, eventually};
use futures::StreamExt;
use serde_json::{Value, json};
use tokio::time::timeout;

/// Everybody who will answer has answered by then.
const PATIENCE: Duration = Duration::from_millis(700);
/// Nearly all that nats.conf's `max_payload` takes.
const LARGE: usize = 250_000;
const SUBJECTS_AT_LEAST: usize = 28;

/// Every subject that a service says it answers.
async fn subjects(admin: &Client) -> Vec<String> {
    let inbox = admin.new_inbox();
    let mut answers = admin.subscribe(inbox.clone()).await.unwrap();
    admin.publish_with_reply("$SRV.INFO", inbox, "".into()).await.unwrap();
    let mut all = Vec::new();
    while let Ok(Some(answer)) = timeout(PATIENCE, answers.next()).await {
        let info: Value = serde_json::from_slice(&answer.payload).unwrap();
        let endpoints = info["endpoints"].as_array().unwrap().iter();
        all.extend(endpoints.map(|endpoint| endpoint["subject"].as_str().unwrap().to_owned()));
    }
    all
}

fn poisons() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("no JSON", b"no JSON".to_vec()),
        ("no UTF-8", vec![0xff, 0xfe, b'{']),
        ("nothing", Vec::new()),
        ("nested", "[".repeat(50_000).into_bytes()),
        ("large", vec![b'x'; LARGE]),
        ("another type", b"7".to_vec()),
        ("a list", br#"["abcd", "t", null, null, null, null, false]"#.to_vec()),
        ("cut", br#"{"id": "9f1c2d3e"#.to_vec()),
    ]
}

async fn status(client: &Client, subject: &str, body: Vec<u8>) -> u16 {
    let mut headers = HeaderMap::new();
    headers.insert(header::COMMAND_ID, uuid(subject, &body));
    headers.insert(header::EXPIRES_AT, "2999-01-01T00:00:00Z");
    headers.insert(header::ACTOR, json!({"kind": "anonymous"}).to_string());
    let reply = client.request_with_headers(subject.to_owned(), headers, body.into()).await;
    let reply = reply.unwrap_or_else(|error| panic!("{subject} answers nothing: {error}"));
    reply.headers.unwrap().get(header::STATUS).unwrap().as_str().parse().unwrap()
}

/// Another id for each.
fn uuid(subject: &str, body: &[u8]) -> String {
    format!("poison-{subject}-{}-{}", body.len(), body.first().copied().unwrap_or_default())
}

#[tokio::test]
async fn what_is_no_command_is_refused_on_every_subject() {
    let stack = Stack::sqlite().await;
    let (admin, edge) = (stack.admin().await, stack.bus_as(BusUser::Edge).await);
    eventually("all services are there", async || subjects(&admin).await.len() >= SUBJECTS_AT_LEAST).await;
    let before = stack.ledger().len();
    for subject in subjects(&admin).await {
        if subject == "qry.registration.get" {
            // An outsider's: the edge may not ask it.
            continue;
        }
        for (what, body) in poisons() {
            let status = status(&edge, &subject, body).await;
            // Some questions have nothing to say, and so nothing that is read.
            let fine = status == 400 || (subject.starts_with("qry.") && status < 500);
            assert!(fine, "{subject}, {what}: {status}");
        }
    }
    assert_eq!(stack.ledger().len(), before, "nothing came of it");
    let made = stack.api().post("/api/session", &json!({"room": "demo", "username": "Ana"})).await.expect(201);
    stack.api().post_empty(&format!("/api/session/{}/consume", made.str("id"))).await.expect(200);
}
