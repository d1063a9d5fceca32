//! A hundred callers for one single-use link. Promise 1: exactly one winner, for any number of callers, edges and
//! workers, also when one of them dies in the midst.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "what a test asks for on its way fails the test, too"
)]

use avanzacast_tests::{Action, Answer, Api, Postgres, Stack, StackOptions, require};
use serde_json::json;
use tokio::task::JoinHandle;

const CALLERS: usize = 100;
const ROUNDS: usize = 10;

/// The key that a consumer made for itself: 32 characters at least.
fn resume_key(round: usize, caller: usize) -> String {
    format!("consumer-{round:04}-{caller:04}-padding-padding")
}

async fn link(api: &Api, round: usize) -> String {
    let body = json!({"room": format!("door {round}"), "username": "Ana", "singleUse": true});
    let created = api.post("/api/session", &body).await.expect(201);
    format!("/api/session/{}/consume", created.str("id"))
}

fn rush(apis: &[Api; 2], path: &str, round: usize) -> Vec<JoinHandle<Answer>> {
    let consume = |caller: usize| {
        let api = apis[caller % 2].clone().with("x-session-resume", &resume_key(round, caller));
        let path = path.to_owned();
        tokio::spawn(async move { api.post_empty(&path).await })
    };
    (0..CALLERS).map(consume).collect()
}

/// Waits for everybody, and gives the winner's number and answer.
async fn only_winner(callers: Vec<JoinHandle<Answer>>) -> (usize, Answer) {
    let mut winners = Vec::new();
    for (number, caller) in callers.into_iter().enumerate() {
        let answer = caller.await.unwrap();
        if answer.status == 200 {
            winners.push((number, answer));
        } else {
            answer.problem(409, "session_consumed");
        }
    }
    assert_eq!(winners.len(), 1, "winners: {winners:#?}");
    winners.remove(0)
}

/// The link was consumed once, in the ledger too.
fn assert_consumed_once(stack: &Stack, round: usize) {
    let events = |kind: &str| {
        stack.count(&format!(
            "SELECT count(*) FROM ledger WHERE body::json->>'type' = '{kind}' AND body::json->'data'->>'room' = 'door {round}'"
        ))
    };
    assert_eq!((events("session.created"), events("session.consumed")), (1, 1));
    assert_eq!(stack.sql(&format!("SELECT state FROM session WHERE room = 'door {round}'")), "consumed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_wins_every_time_although_a_worker_dies() {
    require!(Postgres::available());
    let options = StackOptions { edges: 2, workers: 2, proxy_database: true, ..StackOptions::default() };
    let mut stack = Stack::postgres(options).await;
    let apis = [stack.api_n(0), stack.api_n(1)];
    for round in 0..ROUNDS {
        let path = link(&apis[0], round).await;
        let victim = round % 2;
        let proxy = stack.database_proxy.as_ref().unwrap();
        let id = path.split('/').nth(3).unwrap().to_owned();
        // In even rounds at a read of the session, in odd ones when a write of it (the second mention) is answered:
        // the victim may be whose statement it is, or the other one.
        let killer = stack.workers[victim].killer();
        let trap = if round % 4 < 2 {
            proxy.on_client_bytes(id.as_bytes(), Action::run(killer))
        } else {
            proxy.on_nth_client_bytes(2, id.as_bytes(), Action::swallow_then(killer))
        };
        let callers = rush(&apis, &path, round);
        trap.wait();
        stack.restart_worker(victim);
        let (winner, answer) = only_winner(callers).await;
        assert_consumed_once(&stack, round);

        let winner = apis[(winner + 1) % 2].clone().with("x-session-resume", &resume_key(round, winner));
        let again = winner.post_empty(&path).await.expect(200);
        assert_eq!(again.str("consumedAt"), answer.str("consumedAt"));
        let loser = apis[0].clone().with("x-session-resume", &resume_key(round, CALLERS));
        loser.post_empty(&path).await.problem(409, "session_consumed");
    }
}
