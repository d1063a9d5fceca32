//! `avanzacast up` on SQLite, killed as a whole under load. Promises 2 (what was answered 2xx is in the database and in
//! the ledger) and 4 (EVENTS equals the ledger in the end), also when EVENTS is deleted while it runs.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "what a test asks for on its way fails the test, too"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

use async_nats::{ConnectOptions, jetstream};
use avanzacast_tests::{Answer, Api, Stack, assert_same_lines, events, eventually};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

const CALLERS: usize = 16;

/// One session after another, until nobody answers any more.
fn until_it_dies(api: &Api, caller: usize) -> JoinHandle<Vec<Answer>> {
    let api = api.clone();
    tokio::spawn(async move {
        let body = json!({"room": "load", "username": format!("caller {caller}")});
        let mut created = Vec::new();
        while let Ok(answer) = api.try_post("/api/session", &body).await {
            created.push(answer.expect(201));
        }
        created
    })
}

/// The ledger's lines, read beside the product. The product itself needs Python when it fetches nats-server.
fn ledger(stack: &Stack) -> String {
    let script = "import sqlite3, sys\n\
        for (body,) in sqlite3.connect(sys.argv[1]).execute('SELECT body FROM ledger ORDER BY seq'): print(body)";
    let file = stack.data_dir().join("avanzacast.db");
    let output = Command::new("python3").args(["-c", script]).arg(file).output().expect("python3 is installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The private bus, joined as another program would.
async fn admin(stack: &Stack) -> jetstream::Context {
    let file = fs::read_to_string(stack.data_dir().join("dev.env")).unwrap();
    let variables: BTreeMap<&str, &str> = file.lines().filter_map(|line| line.split_once('=')).collect();
    let variable = |name: &str| variables[name].trim_matches(['"', '\'']).to_owned();
    let connection = ConnectOptions::with_user_and_password("admin".into(), variable("NATS_ADMIN_PASSWORD"))
        .custom_inbox_prefix("_INBOX_admin")
        .connect(variable("NATS_URL"));
    jetstream::new(connection.await.unwrap())
}

async fn assert_events_equal_ledger(stack: &Stack) {
    let jetstream = admin(stack).await;
    let expected = ledger(stack).lines().count();
    let found = events(&jetstream, expected).await;
    assert_same_lines(&ledger(stack), &found);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn killed_as_a_whole_under_load_it_has_lost_nothing_when_it_is_back() {
    let mut stack = Stack::sqlite().await;
    let mut told = BTreeSet::new();
    for _ in 0..2 {
        let callers: Vec<_> = (0..CALLERS).map(|caller| until_it_dies(&stack.api(), caller)).collect();
        let enough = told.len() + 100;
        eventually("there is load", async || ledger(&stack).lines().count() > enough).await;
        stack.edges[0].kill9();
        for caller in callers {
            told.extend(caller.await.unwrap().iter().map(|answer| answer.str("id").to_owned()));
        }
        stack.restart_up();
    }
    let api = stack.api();
    for id in &told {
        let seen = api.get(&format!("/api/session/{id}")).await.expect(200);
        assert_eq!(seen.str("room"), "load");
    }
    let registered = |line: &str| {
        let event: Value = serde_json::from_str(line).unwrap();
        assert_eq!(event["type"], "token.registered");
        event["data"]["participant"].as_str().unwrap().to_owned()
    };
    let ledger_lines = ledger(&stack);
    let in_ledger: BTreeSet<String> = ledger_lines.lines().map(registered).collect();
    assert_eq!(in_ledger.len(), ledger_lines.lines().count(), "a session is in the ledger twice");
    for id in &told {
        let participant = avanzacast_schemas::SessionId::try_from(id.clone()).unwrap().participant();
        assert!(in_ledger.contains(participant.as_str()), "a session that was answered 201 is not in the ledger");
    }
    assert_events_equal_ledger(&stack).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn events_deleted_is_made_anew_and_refilled() {
    let stack = Stack::sqlite().await;
    let (api, body) = (stack.api(), json!({"room": "load", "username": "Ana"}));
    for _ in 0..20 {
        api.post("/api/session", &body).await.expect(201);
    }
    assert_events_equal_ledger(&stack).await;
    admin(&stack).await.delete_stream("EVENTS").await.unwrap();
    for _ in 0..20 {
        api.post("/api/session", &body).await.expect(201);
    }
    assert_events_equal_ledger(&stack).await;
}
