//! A worker whose clock is a minute off, either way. Promises 2 and 3 stand on the database's clock: when a session
//! ends, how long its token lives, which commands have expired.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "what a test asks for on its way fails the test, too"
)]

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use avanzacast_tests::{Launch, Postgres, Stack, StackOptions, require, wait_until};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// Debian and its relatives put it into a folder per architecture. `MT` is the variant for programs with threads.
fn libfaketime() -> Result<PathBuf, String> {
    let folders = std::fs::read_dir("/usr/lib").into_iter().flatten().flatten();
    let mut found = folders.map(|folder| folder.path().join("faketime/libfaketimeMT.so.1"));
    found
        .find(|library| library.is_file())
        .ok_or_else(|| "libfaketime is not installed: `apt-get install faketime`".into())
}

fn faked(by: &str) -> Vec<(String, String)> {
    let library = libfaketime().unwrap();
    [("LD_PRELOAD", library.to_str().unwrap()), ("FAKETIME", by), ("DONT_FAKE_MONOTONIC", "1")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
}

fn unix_now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap()
}

/// A moment that the database knows, in whole seconds since 1970.
fn seconds(stack: &Stack, moment: &str) -> i64 {
    stack.sql(&format!("SELECT floor(({moment}))::bigint")).parse().unwrap()
}

fn claims(token: &str) -> Value {
    let payload = BASE64_URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    serde_json::from_slice(&payload).unwrap()
}

/// That the clock is really off, for a program that is started like the worker.
fn assert_faked(by: &str, offset: i64) {
    let date = Launch::program("date", &["+%s"]).envs(faked(by)).start();
    assert!(date.wait().success());
    let told: i64 = date.logs().join("").trim().parse().unwrap();
    assert!((told - unix_now() - offset).abs() <= 5, "{told} is not {offset} s off");
}

async fn a_minute_off(by: &str, offset: i64) {
    assert_faked(by, offset);
    let mut stack = Stack::postgres(StackOptions { workers: 0, ..StackOptions::default() }).await;
    let worker = stack.start_worker_with(faked(by));
    worker.wait_for_log("ready");
    stack.workers.push(worker);
    let api = stack.api();

    // Its copies expire 5 s after now: a worker that looked at its own clock would find them a minute too old.
    let before = unix_now();
    let created = api.post("/api/session", &json!({"room": "clock", "username": "Ana", "ttl": 30})).await.expect(201);
    let after = unix_now();
    let path = format!("/api/session/{}", created.str("id"));
    let near = |what: &str, found: i64, from: i64, to: i64| {
        assert!(from <= found && found <= to, "{what}: {found} is not in {from}..={to}");
    };
    near("expiresAt", seconds(&stack, "SELECT expires_at / 1000 FROM session"), before + 29, after + 31);
    let event = "SELECT extract(epoch FROM (body::json->>'time')::timestamptz) FROM ledger";
    near("the event", seconds(&stack, event), before - 1, after + 1);

    let seen = api.get(&path).await.expect(200);
    let claims = claims(seen.str("token"));
    near("nbf", claims["nbf"].as_i64().unwrap(), before - 30, after);
    near("exp", claims["exp"].as_i64().unwrap(), before + 29, after + 31);

    // Open now; ended when its time has come, and not a minute sooner or later.
    let body = json!({"room": "short", "username": "Ana", "ttl": 2});
    let short = format!("/api/session/{}", api.post("/api/session", &body).await.expect(201).str("id"));
    wait_until("it is swept", || stack.sql("SELECT state FROM session WHERE room = 'short'") == "expired");
    api.get(&short).await.problem(410, "session_expired");
    let lived = "(SELECT time FROM e WHERE type = 'session.expired') - (SELECT time FROM e WHERE room = 'short' AND type = 'token.registered')";
    let events = "WITH e AS (SELECT (body::json->>'time')::timestamptz AS time, body::json->>'type' AS type,
        body::json->'data'->>'room' AS room FROM ledger)";
    let lived: f64 = stack.sql(&format!("{events} SELECT extract(epoch FROM ({lived}))")).parse().unwrap();
    assert!((2.0..20.0).contains(&lived), "it lived for {lived} s");
    api.post_empty(&format!("{path}/consume")).await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_minute_ahead() {
    require!(Postgres::available());
    require!(libfaketime());
    a_minute_off("+60s", 60).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_minute_behind() {
    require!(Postgres::available());
    require!(libfaketime());
    a_minute_off("-60s", -60).await;
}
