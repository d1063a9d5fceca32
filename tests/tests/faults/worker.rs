//! Workers that are killed. Promises 2 (what was answered 2xx is there), 3 (applied once) and 6 (no caller sees an
//! error while another worker, or a restart in time, is there).

use avanzacast_tests::{Action, Answer, Load, Postgres, Stack, StackOptions, assert_books, require};
use serde_json::json;

const CALLERS: usize = 32;

fn all_created(answers: &[Answer]) {
    for answer in answers {
        assert_eq!(answer.status, 201, "a caller sees an error: {answer:#?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn killed_between_commit_and_reply_it_has_worked_once() {
    require!(Postgres::available());
    let mut stack = Stack::postgres(StackOptions { proxy_database: true, ..StackOptions::default() }).await;
    let killer = stack.workers[0].killer();
    let proxy = stack.database_proxy.as_ref().unwrap();
    // The room's name crosses the wire only in the write: the read has the command's id.
    let trap = proxy.on_client_bytes(b"between commit and reply", Action::swallow_then(killer));
    let api = stack.api().with("idempotency-key", "between-commit-and-reply");
    let body = json!({"room": "between commit and reply", "username": "Ana"});
    let asked = tokio::spawn({
        let (api, body) = (api.clone(), body.clone());
        async move { api.post("/api/session", &body).await }
    });
    trap.wait();
    let rows = "SELECT count(*) FROM session";
    assert_eq!(stack.count(rows), 1, "it was not killed after the commit");
    assert!(!asked.is_finished(), "it was not killed before the reply");
    stack.restart_worker(0);
    let first = asked.await.unwrap().expect(201);
    let again = api.post("/api/session", &body).await.expect(201);
    assert_eq!(again.text, first.text, "the same key, another answer");
    assert_eq!((stack.count(rows), stack.count("SELECT count(*) FROM ledger")), (1, 1));
    assert_books(&stack, "between commit and reply", &[first]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn killed_under_load_and_restarted_nobody_notices() {
    require!(Postgres::available());
    let mut stack = Stack::postgres(StackOptions::default()).await;
    let load = Load::start(&[stack.api()], CALLERS, "load");
    for _ in 0..3 {
        load.wait_for_answers(300);
        stack.restart_worker(0);
    }
    load.wait_for_answers(300);
    let answers = load.stop().await;
    all_created(&answers);
    assert_books(&stack, "load", &answers);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_of_two_killed_under_load_the_other_goes_on() {
    require!(Postgres::available());
    let stack = Stack::postgres(StackOptions { workers: 2, edges: 2, ..StackOptions::default() }).await;
    let load = Load::start(&[stack.api_n(0), stack.api_n(1)], CALLERS, "load");
    load.wait_for_answers(300);
    stack.workers[0].kill9();
    load.wait_for_answers(600);
    let answers = load.stop().await;
    all_created(&answers);
    assert_books(&stack, "load", &answers);
}
