//! The bus dies, hangs, forgets. Promises 2 (what was answered 2xx survives it) and 4 (EVENTS equals the ledger in the
//! end), and that nothing of ours has to be restarted.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "what a test asks for on its way fails the test, too"
)]

use std::fs;
use std::path::Path;
use std::process::Command;

use avanzacast_tests::{
    Answer, Load, Nats, Postgres, Stack, StackOptions, assert_books, assert_events_equal_ledger, require,
};
use serde_json::json;

const CALLERS: usize = 16;

/// What callers may be told while the bus is away: done, not applied, or that nobody knows.
fn assert_honest(answers: &[Answer]) {
    for answer in answers.iter().filter(|answer| answer.status != 201).cloned() {
        if answer.status == 503 {
            let answer = answer.problem(503, "bus_unavailable");
            assert!(answer.header("retry-after").is_some(), "{answer:#?}");
        } else {
            answer.problem(504, "no_answer");
        }
    }
}

fn bus(stack: &Stack) -> &Nats {
    stack.nats.as_ref().unwrap()
}

/// Every way through the product, once.
async fn assert_everything_works(stack: &Stack) {
    let api = stack.api();
    let body = json!({"room": "afterwards", "username": "Ana", "singleUse": true});
    let path = format!("/api/session/{}", api.post("/api/session", &body).await.expect(201).str("id"));
    api.get(&path).await.expect(200);
    api.post_empty(&format!("{path}/consume")).await.expect(200);
    api.post_empty(&format!("{path}/consume")).await.problem(409, "session_consumed");
    api.get(&path).await.problem(410, "session_consumed");
    let health = api.get("/health").await.expect(200);
    assert_eq!(health.body["checks"]["nats"], "ok", "{health:#?}");
}

async fn sessions(stack: &Stack, count: usize) -> Vec<Answer> {
    let load = Load::start(&[stack.api()], CALLERS, "load");
    load.wait_for_sessions(count);
    load.stop().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn killed_and_started_again_under_load() {
    require!(Postgres::available());
    let stack = Stack::postgres(StackOptions::default()).await;
    let load = Load::start(&[stack.api()], CALLERS, "load");
    load.wait_for_sessions(300);
    // A short absence, then one that outlasts every deadline.
    bus(&stack).kill();
    bus(&stack).start_again();
    load.wait_for_sessions(200);
    bus(&stack).kill();
    load.wait_for_answers(CALLERS + 1);
    bus(&stack).start_again();
    load.wait_for_sessions(200);
    let answers = load.stop().await;
    assert_honest(&answers);
    assert_books(&stack, "load", &answers);
    assert_everything_works(&stack).await;
    assert_events_equal_ledger(&stack).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn events_deleted_is_refilled_when_it_is_provisioned() {
    require!(Postgres::available());
    let stack = Stack::postgres(StackOptions::default()).await;
    let load = Load::start(&[stack.api()], CALLERS, "load");
    load.wait_for_sessions(200);
    bus(&stack).delete_stream("EVENTS").await;
    load.wait_for_sessions(200);
    stack.provision();
    load.wait_for_sessions(200);
    let answers = load.stop().await;
    answers.iter().for_each(|answer| assert_eq!(answer.status, 201, "{answer:#?}"));
    assert_books(&stack, "load", &answers);
    assert_events_equal_ledger(&stack).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_older_copy_of_the_store_is_refilled() {
    require!(Postgres::available());
    let stack = Stack::postgres(StackOptions::default()).await;
    let mut answers = sessions(&stack, 200).await;
    assert_events_equal_ledger(&stack).await;
    let older = tempfile::tempdir().unwrap();
    bus(&stack).stop();
    copy(&bus(&stack).store().join("jetstream"), older.path());
    bus(&stack).start_again();
    answers.extend(sessions(&stack, 200).await);
    assert_events_equal_ledger(&stack).await;
    bus(&stack).stop();
    fs::remove_dir_all(bus(&stack).store().join("jetstream")).unwrap();
    copy(&older.path().join("jetstream"), bus(&stack).store());
    bus(&stack).start_again();
    assert_events_equal_ledger(&stack).await;
    answers.extend(sessions(&stack, 200).await);
    assert_honest(&answers);
    assert_books(&stack, "load", &answers);
    assert_everything_works(&stack).await;
    assert_events_equal_ledger(&stack).await;
}

fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").args([from, to]).status().unwrap();
    assert!(copied.success(), "cp: {copied}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn away_when_they_start_they_come_up_when_it_does() {
    require!(Postgres::available());
    let mut stack = Stack::postgres(StackOptions::default()).await;
    stack.workers.drain(..).for_each(|worker| worker.kill9());
    stack.edges.drain(..).for_each(|edge| edge.kill9());
    bus(&stack).stop();
    stack.workers.push(stack.start_worker());
    stack.edges.push(stack.start_edge());
    let health = stack.api().get("/health").await.expect(503);
    assert_eq!(health.body["checks"]["nats"], "down", "{health:#?}");
    stack.api().get("/readyz").await.expect(503);
    stack.api().get("/livez").await.expect(200);
    bus(&stack).start_again();
    stack.workers[0].wait_for_log("ready");
    avanzacast_tests::eventually("the edge is ready", async || stack.api().get("/readyz").await.status == 200).await;
    assert_everything_works(&stack).await;
    assert_events_equal_ledger(&stack).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn frozen_for_the_edge_then_for_the_worker() {
    require!(Postgres::available());
    let options = StackOptions { proxy_edge_bus: true, proxy_worker_bus: true, ..StackOptions::default() };
    let stack = Stack::postgres(options).await;
    let load = Load::start(&[stack.api()], CALLERS, "load");
    for proxy in [&stack.edge_bus_proxy, &stack.worker_bus_proxy] {
        let proxy = proxy.as_ref().unwrap();
        load.wait_for_sessions(100);
        proxy.freeze();
        // Everybody has waited in vain, for 5 s.
        load.wait_for_answers(CALLERS + 1);
        proxy.heal();
        load.wait_for_sessions(100);
    }
    let answers = load.stop().await;
    assert_honest(&answers);
    assert_books(&stack, "load", &answers);
    assert_everything_works(&stack).await;
    assert_events_equal_ledger(&stack).await;
}
