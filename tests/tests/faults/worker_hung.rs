//! Workers that hang: stopped, not dead, their connections open. Promises 3 (applied once, however often a command is
//! delivered) and 6 (no caller sees an error while another worker is there).

#![expect(clippy::unwrap_used, reason = "what a test asks for on its way fails the test, too")]

use std::time::{Duration, Instant};

use avanzacast_tests::{Action, Answer, Api, Load, Postgres, Stack, StackOptions, assert_books, require, wait_until};
use serde_json::json;
use tokio::task::JoinHandle;

const CALLERS: usize = 32;
/// A command's whole life, which its copies carry as `Expires-At`, and a little for the machine.
const EXPIRED: Duration = Duration::from_millis(5_500);

fn all_created(answers: &[Answer]) {
    for answer in answers {
        assert_eq!(answer.status, 201, "a caller sees an error: {answer:#?}");
    }
}

fn two_workers() -> StackOptions {
    StackOptions { workers: 2, ..StackOptions::default() }
}

/// One worker behind a proxy of its own, the other straight at the database.
async fn one_behind_a_proxy() -> (Stack, avanzacast_tests::Proxy) {
    let mut stack = Stack::postgres(StackOptions { proxy_database: true, ..StackOptions::default() }).await;
    let proxy = stack.database_proxy.take().unwrap();
    let other = stack.start_worker();
    drop(other.wait_for_log("ready"));
    stack.workers.push(other);
    (stack, proxy)
}

/// Many callers at once, each with a key and a session of its own.
fn create_each(api: &Api, room: &'static str, count: usize) -> Vec<JoinHandle<Answer>> {
    let create = |number: usize| {
        let api = api.clone().with("idempotency-key", &format!("key of caller {room} {number}"));
        tokio::spawn(async move { api.post("/api/session", &json!({"room": room, "username": "Ana"})).await })
    };
    (0..count).map(create).collect()
}

async fn answers(callers: Vec<JoinHandle<Answer>>) -> Vec<Answer> {
    let mut answers = Vec::new();
    for caller in callers {
        answers.push(caller.await.unwrap());
    }
    answers
}

/// The worker works: alone, it serves.
async fn serves_alone(stack: &Stack, worker: usize) {
    stack.workers.iter().enumerate().filter(|(n, _)| *n != worker).for_each(|(_, other)| other.kill9());
    let created = stack.api().post("/api/session", &json!({"room": "alone", "username": "Ana"})).await;
    created.expect(201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_of_two_hangs_under_load_and_comes_back() {
    require!(Postgres::available());
    let stack = Stack::postgres(two_workers()).await;
    let load = Load::start(&[stack.api()], CALLERS, "load");
    load.wait_for_answers(300);
    stack.workers[0].pause();
    load.wait_for_answers(1_000);
    stack.workers[0].resume();
    load.wait_for_answers(300);
    let answers = load.stop().await;
    all_created(&answers);
    serves_alone(&stack, 0).await;
    assert_books(&stack, "load", &answers);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn hung_at_its_write_it_holds_nobody_up() {
    require!(Postgres::available());
    let (stack, proxy) = one_behind_a_proxy().await;
    let load = Load::start(&[stack.api()], CALLERS, "load");
    load.wait_for_answers(100);
    let trap = proxy.on_client_bytes(b"token.registered", Action::before(stack.workers[0].pauser()));
    trap.wait();
    load.wait_for_answers(500);
    stack.workers[0].resume();
    load.wait_for_answers(300);
    let answers = load.stop().await;
    all_created(&answers);
    serves_alone(&stack, 0).await;
    assert_books(&stack, "load", &answers);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn hung_inside_a_transaction_with_the_ledger_locked_it_holds_nobody_up() {
    require!(Postgres::available());
    let (stack, proxy) = one_behind_a_proxy().await;
    // Two workers under load get in each other's way, and who was in the way locks the ledger's head.
    let trap = proxy.on_client_bytes(b"FOR UPDATE", Action::before(stack.workers[0].pauser()));
    let load = Load::start(&[stack.api()], CALLERS, "load");
    trap.wait();
    let hung = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND xact_start IS NOT NULL
        AND application_name = 'avanzacast' AND state LIKE 'idle in transaction%'";
    wait_until("it hangs in a transaction", || stack.count(hung) > 0);
    wait_until("the database ends that transaction", || stack.count(hung) == 0);
    load.wait_for_answers(500);
    stack.workers[0].resume();
    load.wait_for_answers(300);
    let answers = load.stop().await;
    all_created(&answers);
    serves_alone(&stack, 0).await;
    assert_books(&stack, "load", &answers);
}

/// Copies lie in the queue of the worker that hangs; the other one answers; then it wakes up, early enough to be
/// wanted, and does not do it again.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_same_commands_in_two_queues_are_applied_once() {
    require!(Postgres::available());
    let stack = Stack::postgres(two_workers()).await;
    stack.workers[0].pause();
    let started = Instant::now();
    let callers = create_each(&stack.api(), "copies", 16);
    let waited = Instant::now();
    wait_until("the other worker has answered most", || stack.count("SELECT count(*) FROM session") >= 12);
    let in_time = started.elapsed() < EXPIRED;
    stack.workers[0].resume();
    let first = answers(callers).await;
    all_created(&first);
    assert!(in_time, "the copies had expired: {:?}", waited.elapsed());
    serves_alone(&stack, 0).await;
    // Its queue is in order: what it held is behind us. Whoever asks again is told the same.
    let again = answers(create_each(&stack.api(), "copies", 16)).await;
    let text = |answers: &[Answer]| answers.iter().map(|answer| answer.text.clone()).collect::<Vec<_>>();
    assert_eq!(text(&again), text(&first));
    assert_books(&stack, "copies", &first);
}

/// The worker that holds a command when it hangs is in the middle of it: it has read and decided.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_command_in_the_hands_of_a_hung_worker_is_applied_once() {
    require!(Postgres::available());
    let (stack, proxy) = one_behind_a_proxy().await;
    // Its own write is lost with its connection; it wakes up with a decision that no longer holds.
    let trap = proxy.on_client_bytes(b"in two hands", Action::before(stack.workers[0].pauser()));
    let callers = create_each(&stack.api(), "in two hands", 16);
    trap.wait();
    let first = answers(callers).await;
    all_created(&first);
    stack.workers[0].resume();
    serves_alone(&stack, 0).await;
    assert_books(&stack, "in two hands", &first);
}

/// Nobody else is there: callers are told that nobody knows, and what has expired by the time the worker wakes up is
/// not applied.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn expired_copies_are_dropped() {
    require!(Postgres::available());
    let stack = Stack::postgres(StackOptions::default()).await;
    stack.workers[0].pause();
    let started = Instant::now();
    let callers = create_each(&stack.api(), "too late", 8);
    for answer in answers(callers).await {
        answer.problem(504, "no_answer");
    }
    tokio::time::sleep(EXPIRED.saturating_sub(started.elapsed())).await;
    stack.workers[0].resume();
    stack.api().post("/api/session", &json!({"room": "in time", "username": "Ana"})).await.expect(201);
    assert_eq!(stack.sql("SELECT room FROM session"), "in time");
    assert_eq!(stack.count("SELECT count(*) FROM ledger"), 1);
}
