//! The database goes away, hangs, leaves a commit in the dark. Promises 2 (what was answered 2xx is there), 3 (applied
//! once), and that nothing of ours has to be restarted.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "what a test asks for on its way fails the test, too"
)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_nats::jetstream;
use avanzacast_schemas::bus::BusUser;
use avanzacast_tests::{
    Action, Answer, Load, Postgres, Stack, StackOptions, assert_books, assert_events_equal_ledger, eventually, require,
    wait_until,
};
use serde_json::json;

const CALLERS: usize = 16;
/// A caller's deadline of 5 s, and a little for the machine.
const PATIENCE: Duration = Duration::from_millis(6_500);

fn proxied() -> StackOptions {
    StackOptions { proxy_database: true, ..StackOptions::default() }
}

/// What callers may be told while the database is away: done, not applied, or that nobody knows.
fn assert_honest(answers: &[Answer]) {
    for answer in answers.iter().filter(|answer| answer.status != 201).cloned() {
        if answer.status == 503 {
            let answer = answer.problem(503, "database_unavailable");
            assert!(answer.header("retry-after").is_some(), "{answer:#?}");
        } else {
            answer.problem(504, "no_answer");
        }
    }
}

/// A registration as an outsider publishes it: acknowledged by the stream, so promised.
async fn register(stack: &Stack, ids: &[String], token: &str) {
    let jetstream = jetstream::new(stack.nats.as_ref().unwrap().connect(BusUser::Admin).await);
    for id in ids {
        let message = json!({"sessionId": id, "token": token}).to_string();
        jetstream.publish("cmd.token.register", message.into()).await.unwrap().await.unwrap();
    }
}

/// A valid token for a room, minted by the product itself.
async fn token(stack: &Stack) -> String {
    let api = stack.api();
    let created = api.post("/api/session", &json!({"room": "registered", "username": "Ana"})).await.expect(201);
    api.get(&format!("/api/session/{}", created.str("id"))).await.expect(200).str("token").to_owned()
}

/// The database is away: callers, monitoring and outsiders meet what they were promised. Gives the ids that outsiders
/// registered meanwhile.
async fn assert_away(stack: &Stack, token: &str) -> Vec<String> {
    let api = stack.api();
    let asked = Instant::now();
    let refused = api.post("/api/session", &json!({"room": "away", "username": "Ana"})).await;
    assert!(asked.elapsed() < PATIENCE, "{:?}", asked.elapsed());
    assert_eq!(refused.problem(503, "database_unavailable").header("retry-after"), Some("1"));
    eventually("health says that the database is down", async || {
        let health = api.get("/health").await;
        health.status == 503 && health.body["checks"]["database"] == "down" && health.body["checks"]["nats"] == "ok"
    })
    .await;
    let ids: Vec<String> = (0..20).map(|n| format!("external-{n:04}")).collect();
    register(stack, &ids, token).await;
    ids
}

async fn assert_back(stack: &Stack, registered: &[String]) {
    let api = stack.api();
    eventually("health says that all is well", async || api.get("/health").await.status == 200).await;
    for id in registered {
        eventually("it is registered", async || api.get(&format!("/api/session/{id}")).await.status == 200).await;
    }
    assert_eq!(stack.count("SELECT count(*) FROM session WHERE origin = 'external'"), registered.len());
    assert_eq!(stack.sql("SELECT count(*) FROM session WHERE room = 'away'"), "0", "a 503 was applied");
    assert_events_equal_ledger(stack).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn unreachable_for_a_while() {
    require!(Postgres::available());
    let stack = Stack::postgres(proxied()).await;
    let token = token(&stack).await;
    let proxy = stack.database_proxy.as_ref().unwrap();
    let load = Load::start(&[stack.api()], CALLERS, "load");
    load.wait_for_sessions(200);
    proxy.cut();
    let registered = assert_away(&stack, &token).await;
    load.wait_for_answers(2 * CALLERS);
    proxy.heal();
    load.wait_for_sessions(200);
    let answers = load.stop().await;
    assert_honest(&answers);
    assert_books(&stack, "load", &answers);
    assert_back(&stack, &registered).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn stopped_for_a_while() {
    require!(Postgres::available());
    let cluster = Arc::new(Postgres::start());
    let stack = Stack::postgres(StackOptions { cluster: Some(Arc::clone(&cluster)), ..StackOptions::default() }).await;
    let token = token(&stack).await;
    let load = Load::start(&[stack.api()], CALLERS, "load");
    load.wait_for_sessions(200);
    cluster.stop();
    let registered = assert_away(&stack, &token).await;
    load.wait_for_answers(2 * CALLERS);
    cluster.start_again();
    load.wait_for_sessions(200);
    // And once more without a farewell.
    cluster.kill();
    cluster.start_again();
    load.wait_for_sessions(200);
    let answers = load.stop().await;
    assert_honest(&answers);
    assert_books(&stack, "load", &answers);
    assert_back(&stack, &registered).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn frozen_for_a_while() {
    require!(Postgres::available());
    let stack = Stack::postgres(proxied()).await;
    let proxy = stack.database_proxy.as_ref().unwrap();
    let load = Load::start(&[stack.api()], CALLERS, "load");
    load.wait_for_sessions(200);
    proxy.freeze();
    let api = stack.api();
    eventually("health says that the database is down", async || {
        let health = api.get("/health").await;
        health.status == 503 && health.body["checks"]["database"] == "down"
    })
    .await;
    load.wait_for_answers(2 * CALLERS);
    proxy.heal();
    load.wait_for_sessions(200);
    let answers = load.stop().await;
    assert_honest(&answers);
    eventually("what was on its way has arrived", async || api.get("/health").await.status == 200).await;
    assert_books(&stack, "load", &answers);
    assert_back(&stack, &[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_commit_of_unknown_outcome_is_found_out_by_the_next_copy() {
    require!(Postgres::available());
    let stack = Stack::postgres(proxied()).await;
    let proxy = stack.database_proxy.as_ref().unwrap();
    let trap = proxy.on_client_bytes(b"in the dark", Action::swallow_then(|| {}));
    let answer = stack.api().post("/api/session", &json!({"room": "in the dark", "username": "Ana"})).await;
    assert!(trap.sprung());
    assert_books(&stack, "in the dark", &[answer.expect(201)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn commits_of_unknown_outcome_under_load() {
    require!(Postgres::available());
    let stack = Stack::postgres(proxied()).await;
    let proxy = stack.database_proxy.as_ref().unwrap();
    let load = Load::start(&[stack.api()], CALLERS, "load");
    for _ in 0..3 {
        load.wait_for_sessions(100);
        // Every loop of a worker has a connection of its own and makes a new one at once, so they are hardly ever all
        // gone in the same moment.
        let enough = proxy.swallowed() + proxy.connections();
        proxy.swallow_answers();
        wait_until("as many answers are lost as there were connections", || proxy.swallowed() >= enough);
        proxy.heal();
    }
    load.wait_for_sessions(100);
    proxy.swallow_answers();
    load.wait_for_answers(2 * CALLERS);
    proxy.heal();
    load.wait_for_sessions(100);
    let answers = load.stop().await;
    assert_honest(&answers);
    assert_books(&stack, "load", &answers);
}
