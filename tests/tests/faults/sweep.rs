//! The sweep, by several workers at once. Promise 3 for what nobody asked for: each session expires once. And what may
//! be forgotten is, but never the ledger.

#![expect(clippy::unwrap_used, reason = "what a test asks for on its way fails the test, too")]

use avanzacast_tests::{Api, Postgres, Stack, StackOptions, assert_events_equal_ledger, require, wait_until};
use serde_json::json;

const SESSIONS: usize = 200;
const EXPIRED: &str = "SELECT count(*) FROM ledger WHERE body::json->>'type' = 'session.expired'";

async fn create(api: &Api, count: usize, ttl: u32) {
    let create = |_| {
        let api = api.clone();
        tokio::spawn(async move {
            api.post("/api/session", &json!({"room": "swept", "username": "Ana", "ttl": ttl})).await.expect(201)
        })
    };
    for created in (0..count).map(create).collect::<Vec<_>>() {
        created.await.unwrap();
    }
}

/// Every session has ended, each by one event, and stays so.
async fn assert_each_expired_once(stack: &Stack) {
    wait_until("all have expired", || stack.count(EXPIRED) >= SESSIONS);
    // Another sweep of every worker finds nothing: a session that it could see would expire again.
    let sentinel = json!({"room": "last", "username": "Ana", "ttl": 1});
    for _ in 0..2 {
        let before = stack.count(EXPIRED);
        stack.api().post("/api/session", &sentinel).await.expect(201);
        wait_until("the last has expired", || stack.count(EXPIRED) > before);
    }
    assert_eq!(stack.count(EXPIRED), SESSIONS + 2);
    let participants = "SELECT count(DISTINCT body::json->'data'->>'participant') FROM ledger WHERE body::json->>'type' = 'session.expired'";
    assert_eq!(stack.count(participants), SESSIONS + 2);
    assert_eq!(stack.sql("SELECT DISTINCT state FROM session"), "expired");
    assert_events_equal_ledger(stack).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_workers_sweep_and_each_session_expires_once() {
    require!(Postgres::available());
    let stack = Stack::postgres(StackOptions { workers: 2, ..StackOptions::default() }).await;
    create(&stack.api(), SESSIONS, 1).await;
    assert_each_expired_once(&stack).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_is_killed_when_its_sweep_is_written_and_each_expires_once() {
    require!(Postgres::available());
    let mut stack = Stack::postgres(StackOptions { proxy_database: true, ..StackOptions::default() }).await;
    let proxy = stack.database_proxy.take().unwrap();
    create(&stack.api(), SESSIONS, 2).await;
    // The event's type is in nothing else that it sends.
    let trap = proxy.on_client_bytes(b"session.expired", avanzacast_tests::Action::run(stack.workers[0].killer()));
    trap.wait();
    let other = stack.start_worker();
    drop(other.wait_for_log("ready"));
    stack.workers.push(other);
    assert_each_expired_once(&stack).await;
}

/// Takes as long as the product takes to prune: half a minute.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_ended_long_ago_is_forgotten_but_for_the_ledger() {
    require!(Postgres::available());
    let stack = Stack::postgres(StackOptions { workers: 2, ..StackOptions::default() }).await;
    let keyed = stack.api().with("idempotency-key", "to be forgotten in a day");
    keyed.post("/api/session", &json!({"room": "keyed", "username": "Ana"})).await.expect(201);
    create(&stack.api(), 20, 1).await;
    create(&stack.api(), 5, 300).await;
    wait_until("they have expired", || stack.count(EXPIRED) == 20);
    let ledger = stack.sql("SELECT * FROM ledger ORDER BY seq");
    assert_eq!(stack.count("SELECT count(*) FROM inbox"), 26);
    // Days pass for what has ended; some requests and the key grow old: their ids are of 2020, as the edge makes them.
    stack.sql("UPDATE session SET due_at = 1 WHERE state = 'expired'");
    stack.sql("UPDATE inbox SET keep_until = 1 WHERE id >= 'k'");
    stack.sql(
        "UPDATE inbox SET keep_until = 1, id = '0175' || substr(id, 5) WHERE id IN (SELECT id FROM inbox WHERE id < 'k' LIMIT 15)",
    );
    wait_until("what has ended is forgotten", || stack.count("SELECT count(*) FROM session") == 6);
    wait_until("what was answered is forgotten", || stack.count("SELECT count(*) FROM inbox") == 10);
    assert_eq!(stack.sql("SELECT DISTINCT state FROM session"), "open");
    assert_eq!(stack.sql("SELECT * FROM ledger ORDER BY seq"), ledger);
    assert_events_equal_ledger(&stack).await;
}
