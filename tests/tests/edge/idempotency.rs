//! A command is applied once, however often it is sent: `Idempotency-Key`.

use avanzacast_tests::{Stack, on_both_databases};
use futures::future::join_all;
use serde_json::json;

const KEY: &str = "a-key-that-nobody-guesses-1";

fn sessions(stack: &Stack) -> usize {
    stack.query("SELECT count(*) FROM session").parse().unwrap()
}

async fn a_repetition_gets_the_same_answer_and_makes_nothing(stack: &Stack) {
    let api = stack.api().with("idempotency-key", KEY);
    let before = (sessions(stack), stack.ledger().len());
    for single_use in [false, true] {
        let api = stack.api().with("idempotency-key", &format!("{KEY}-{single_use}"));
        let body = json!({"room": "demo", "username": "Ana", "singleUse": single_use});
        let first = api.post("/api/session", &body).await.expect(201);
        let again = api.post("/api/session", &body).await.expect(201);
        assert_eq!(first.text, again.text, "byte for byte");
        assert_eq!(first.header("location"), again.header("location"));
        assert_ne!(first.header("x-request-id"), again.header("x-request-id"), "another request all the same");
    }
    let body = json!({"room": "race", "username": "Bo"});
    let racers = join_all((0..20).map(|_| api.post("/api/session", &body))).await;
    let texts: Vec<String> = racers.into_iter().map(|answer| answer.expect(201).text).collect();
    assert!(texts.iter().all(|text| *text == texts[0]), "{texts:#?}");
    assert_eq!((sessions(stack), stack.ledger().len()), (before.0 + 3, before.1 + 3));
    let race = stack.query("SELECT count(*) FROM ledger WHERE body LIKE '%\"room\":\"race\"%'");
    assert_eq!(race, "1");
}

async fn a_key_stands_for_one_body(stack: &Stack) {
    let api = stack.api().with("idempotency-key", "one-key-for-one-body");
    let ana = json!({"room": "demo", "username": "Ana"});
    let first = api.post("/api/session", &ana).await.expect(201);
    let before = (sessions(stack), stack.ledger().len());
    for other in [
        json!({"room": "demo", "username": "Bo"}),
        json!({"room": "demo", "username": "Ana", "ttl": 300}),
        json!({"room": "demo", "username": "Ana", "singleUse": true}),
    ] {
        api.post("/api/session", &other).await.problem(422, "idempotency_key_reused");
    }
    assert_eq!((sessions(stack), stack.ledger().len()), before);
    assert_eq!(api.post("/api/session", &ana).await.expect(201).text, first.text);
}

/// A refusal is a decision too: the same request is refused again, and what was refused can be corrected under
/// another key.
async fn a_refusal_is_repeated(stack: &Stack) {
    let api = stack.api().with("idempotency-key", "a-key-that-was-refused");
    let body = json!({"room": "demo", "username": "Ana", "role": "host"});
    for _ in 0..2 {
        api.post("/api/session", &body).await.problem(401, "credential_required");
    }
}

async fn a_key_is_hard_to_guess_and_sent_once(stack: &Stack) {
    let api = stack.api();
    let body = json!({"room": "demo", "username": "Ana"});
    for key in ["x".repeat(15), String::new(), "x".repeat(256)] {
        api.clone().with("idempotency-key", &key).post("/api/session", &body).await.problem(400, "malformed");
    }
    let (a, b) = (("idempotency-key", "0123456789abcdef"), ("idempotency-key", "0123456789abcdeg"));
    for headers in [[a, a], [a, b]] {
        let headers = [&headers[..], &[("content-type", "application/json")]].concat();
        api.raw("POST", "/api/session", &headers, body.to_string()).await.problem(400, "malformed");
    }
    api.clone().with("idempotency-key", "0123456789abcdef").post("/api/session", &body).await.expect(201);
}

/// A consume has a key of its own; whoever knows an `Idempotency-Key` gets nobody's token by it.
async fn it_means_nothing_to_a_consume(stack: &Stack) {
    let api = stack.api();
    let mut consumes = Vec::new();
    for name in ["Ana", "Bo"] {
        let created = api.post("/api/session", &json!({"room": "demo", "username": name})).await.expect(201);
        consumes.push(format!("/api/session/{}/consume", created.str("id")));
    }
    let keyed = api.clone().with("idempotency-key", "0123456789abcdef-consume");
    assert_eq!(keyed.post_empty(&consumes[0]).await.expect(200).str("username"), "Ana");
    assert_eq!(keyed.post_empty(&consumes[1]).await.expect(200).str("username"), "Bo");
    keyed.post_empty(&consumes[0]).await.problem(409, "session_consumed");
    // Not even a key that would be refused elsewhere.
    api.with("idempotency-key", "x").post_empty(&consumes[1]).await.problem(409, "session_consumed");
}

async fn idempotency(stack: &Stack) {
    a_repetition_gets_the_same_answer_and_makes_nothing(stack).await;
    a_key_stands_for_one_body(stack).await;
    a_refusal_is_repeated(stack).await;
    a_key_is_hard_to_guess_and_sent_once(stack).await;
    it_means_nothing_to_a_consume(stack).await;
}

on_both_databases!(idempotency);
