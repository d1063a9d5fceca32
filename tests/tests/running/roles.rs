//! Each role as a process of its own, with its own credentials and no other, and any number of each.

use avanzacast_tests::{Launch, Postgres, Stack, StackOptions, require};
use futures::StreamExt;
use serde_json::{Value, json};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

async fn two_edges_and_two_workers_serve_at_once(stack: &Stack) {
    for n in 0..20 {
        let (here, there) = (stack.api_n(n % 2), stack.api_n((n + 1) % 2));
        let created = here.post("/api/session", &json!({"room": "demo", "username": "Ana"})).await.expect(201);
        let path = format!("/api/session/{}", created.str("id"));
        let (a, b) = tokio::join!(here.get(&path), there.get(&path));
        assert_eq!(a.expect(200).str("token"), b.expect(200).str("token"));
        let consume = format!("{path}/consume");
        let (a, b) = tokio::join!(here.post_empty(&consume), there.post_empty(&consume));
        let mut statuses = [a.status, b.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 409]);
    }
}

async fn a_callers_trace_goes_through_edge_and_worker(stack: &Stack) {
    let api = stack.api().with("traceparent", &format!("00-{TRACE}-00f067aa0ba902b7-01"));
    api.post("/api/session", &json!({"room": "demo", "username": "Ana"})).await.expect(201);
    let traced = |processes: &[avanzacast_tests::Process]| {
        processes.iter().flat_map(avanzacast_tests::Process::logs).any(|line| line.contains(TRACE))
    };
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    assert!(traced(&stack.edges), "no edge logs the trace");
    assert!(traced(&stack.workers), "no worker logs the trace");
}

async fn the_service_says_what_it_serves(stack: &Stack) {
    let admin = stack.admin().await;
    let inbox = admin.new_inbox();
    let mut answers = admin.subscribe(inbox.clone()).await.unwrap();
    admin.publish_with_reply("$SRV.INFO.session", inbox, "".into()).await.unwrap();
    let mut subjects = Vec::new();
    let limit = std::time::Duration::from_secs(2);
    while let Ok(Some(message)) = tokio::time::timeout(limit, answers.next()).await {
        let info: Value = serde_json::from_slice(&message.payload).unwrap();
        assert_eq!(info["name"], "session");
        let endpoints = info["endpoints"].as_array().unwrap();
        subjects.extend(endpoints.iter().map(|endpoint| endpoint["subject"].as_str().unwrap().to_owned()));
    }
    for subject in ["cmd.session.create", "cmd.session.consume", "qry.session.get"] {
        assert_eq!(subjects.iter().filter(|found| *found == subject).count(), 2, "one per worker: {subjects:?}");
    }
}

#[tokio::test]
async fn any_number_of_each() {
    require!(Postgres::available());
    let env = vec![("RUST_LOG".to_owned(), "debug".to_owned())];
    let stack = Stack::postgres(StackOptions { edges: 2, workers: 2, env, ..Default::default() }).await;
    two_edges_and_two_workers_serve_at_once(&stack).await;
    a_callers_trace_goes_through_edge_and_worker(&stack).await;
    the_service_says_what_it_serves(&stack).await;
}

#[test]
fn production_refuses_to_start_without_its_secrets_and_says_all_that_is_missing() {
    let missing = [
        ("edge", &["BACKEND_REGISTER_SECRET", "NATS_URL", "NATS_EDGE_PASSWORD"][..]),
        (
            "session-worker",
            &["LIVEKIT_API_SECRET", "LIVEKIT_WS_URL", "DATABASE_URL", "NATS_SESSION_PASSWORD", "PUBLIC_URL"],
        ),
    ];
    for (role, names) in missing {
        let process = Launch::product(&[role]).start();
        assert_eq!(process.wait().code(), Some(2), "{role}");
        let said = process.logs().join("\n");
        for name in names {
            assert!(said.contains(name), "{role} does not mention {name}: {said}");
        }
    }
}

#[tokio::test]
async fn workers_may_start_on_an_empty_database_at_the_same_moment() {
    require!(Postgres::available());
    let stack = Stack::postgres(StackOptions { workers: 0, edges: 1, ..Default::default() }).await;
    let database = stack.database.as_deref().unwrap();
    Postgres::shared().query(database, "DROP SCHEMA public CASCADE; CREATE SCHEMA public");
    // It is the stream of the ledger that went with the tables.
    stack.nats.as_ref().unwrap().delete_stream("EVENTS").await;
    let workers: Vec<_> = (0..4).map(|_| stack.start_worker()).collect();
    for worker in &workers {
        worker.wait_for_log("ready");
    }
    assert_eq!(stack.query("SELECT count(*) FROM ledger_head"), "1");
}
