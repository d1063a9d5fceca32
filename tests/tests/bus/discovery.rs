//! NATS service discovery (`nats micro ls|info|stats` speak it): an operator sees who serves what, and how busy it is.

use std::{collections::BTreeSet, time::Duration};

use avanzacast_schemas::bus::subject;
use avanzacast_tests::{Stack, eventually, on_both_databases};
use futures::StreamExt;
use serde_json::{Value, json};
use tokio::time::timeout;

/// Everybody who will answer has answered by then.
const PATIENCE: Duration = Duration::from_millis(700);

/// Each service's subjects, by its name.
const SESSION: &[&str] = &[
    subject::SESSION_CREATE,
    subject::SESSION_CONSUME,
    subject::SESSION_REVOKE,
    subject::SESSION_REGISTER,
    subject::SESSION_ERASE,
    subject::TOKEN_ISSUE,
    subject::SESSION_GET,
    subject::SESSION_SHOW,
    subject::SESSION_LIST,
    subject::SESSION_VALIDATE,
    subject::SESSION_HEALTH,
    subject::LIVEKIT_VERIFY,
    subject::REGISTRATION_GET,
    subject::DEAD_LIST,
    subject::DEAD_REDRIVE,
    subject::DEAD_DROP,
];
const STUDIO: &[&str] = &[
    subject::USER_CREATE,
    subject::USER_GET,
    subject::BROADCAST_CREATE,
    subject::BROADCAST_START,
    subject::BROADCAST_END,
    subject::BROADCAST_GET,
    subject::BROADCAST_LIST,
];
const AUDIT: &[&str] = &[
    subject::AUDIT_REFUSED,
    subject::AUDIT_CHECKPOINT,
    subject::AUDIT_KEY,
    subject::AUDIT_TILE,
    subject::AUDIT_PROOF,
    subject::AUDIT_EVENTS,
    subject::AUDIT_LEDGER,
    subject::AUDIT_COUNTS,
    subject::AUDIT_WHO,
];
const ALL: [(&str, &[&str]); 3] = [("session", SESSION), ("studio", STUDIO), ("audit", AUDIT)];

/// Asks everybody, as the micro protocol has it (ADR-32).
async fn ask(client: &async_nats::Client, what: &str) -> Vec<Value> {
    let inbox = client.new_inbox();
    let mut answers = client.subscribe(inbox.clone()).await.unwrap();
    client.publish_with_reply(what.to_owned(), inbox, "".into()).await.unwrap();
    let mut all = Vec::new();
    while let Ok(Some(answer)) = timeout(PATIENCE, answers.next()).await {
        all.push(serde_json::from_slice(&answer.payload).unwrap());
    }
    all
}

fn subjects(answers: &[Value], name: &str) -> BTreeSet<String> {
    let of = answers.iter().filter(|answer| answer["name"] == name);
    let endpoints = of.flat_map(|answer| answer["endpoints"].as_array().unwrap());
    endpoints.map(|endpoint| endpoint["subject"].as_str().unwrap().to_owned()).collect()
}

async fn everybody_is_found(stack: &Stack) {
    let admin = stack.admin().await;
    eventually("all services are there", async || {
        let info = ask(&admin, "$SRV.INFO").await;
        ALL.iter().all(|(name, wanted)| subjects(&info, name).len() >= wanted.len())
    })
    .await;
    let info = ask(&admin, "$SRV.INFO").await;
    for (name, wanted) in ALL {
        let wanted: BTreeSet<String> = wanted.iter().map(|subject| (*subject).to_owned()).collect();
        assert_eq!(subjects(&info, name), wanted, "{name}");
    }
    for answer in ask(&admin, "$SRV.PING").await {
        assert_eq!(answer["type"], "io.nats.micro.v1.ping_response");
        assert!(answer["version"].as_str().is_some_and(|version| version.split('.').count() == 3), "{answer}");
    }
    assert!(!ask(&admin, "$SRV.PING.session").await.is_empty());
}

async fn what_was_asked_is_counted(stack: &Stack) {
    for _ in 0..3 {
        stack.api().post("/api/session", &json!({"room": "demo", "username": "Ana"})).await.expect(201);
    }
    let stats = ask(&stack.admin().await, "$SRV.STATS.session").await;
    let endpoints = stats.iter().flat_map(|answer| answer["endpoints"].as_array().unwrap());
    let created = endpoints.filter(|endpoint| endpoint["subject"] == subject::SESSION_CREATE);
    let requests: u64 = created.map(|endpoint| endpoint["num_requests"].as_u64().unwrap()).sum();
    assert!(requests >= 3, "{stats:?}");
}

async fn an_edge_says_who_is_there(stack: &Stack) {
    let keeper = stack.api().with_secret(stack.secret());
    let names = async || {
        let workers = keeper.get("/api/workers").await.expect(200);
        let all = workers.body.as_array().unwrap().iter();
        all.map(|worker| worker["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    eventually("all are named, each once", async || names().await == ["audit", "room", "session", "studio"]).await;
}

async fn discovery(stack: &Stack) {
    everybody_is_found(stack).await;
    an_edge_says_who_is_there(stack).await;
    what_was_asked_is_counted(stack).await;
}

on_both_databases!(discovery, [], rooms: 1, audits: 1);
