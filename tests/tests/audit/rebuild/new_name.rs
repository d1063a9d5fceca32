//! A new log has a new name. Promises: whoever was signing the old one signs the new one under its own name, without being
//! started again; under the old name nothing of it is ever signed, and who is told to do that refuses, and says why.

use std::time::Duration;

use avanzacast_tests::{Postgres, Process, Stack, StackOptions, eventually, require};

use super::command::{assert_rebuilt, audit_in, done, environment};
use super::new_log::{GIVE_UP, lose, session};

const OLD: &str = "studio.test/log";

fn env(more: &[(&str, &str)]) -> Vec<(String, String)> {
    let all = [("AUDIT_CHECKPOINT_SECONDS", "1")].into_iter().chain(more.iter().copied());
    all.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

async fn postgres(env: Vec<(String, String)>) -> Stack {
    Stack::postgres(StackOptions { rooms: 1, audits: 1, env, ..StackOptions::default() }).await
}

fn signer(stack: &Stack) -> &Process {
    if stack.is_sqlite() { &stack.edges[0] } else { &stack.audits[0] }
}

/// The origin of every checkpoint, the newest first.
fn origins(stack: &Stack) -> Vec<String> {
    let newline = if stack.is_sqlite() { "char(10)" } else { "chr(10)" };
    let notes = stack.query(&format!("SELECT replace(note, {newline}, '|') FROM checkpoint ORDER BY size DESC"));
    notes.lines().filter_map(|note| note.split('|').next()).map(str::to_owned).collect()
}

/// Signed, lost, and given up: with a log that was signed before.
async fn given_up(stack: &mut Stack) {
    assert_eq!(session(stack).await, 201);
    eventually("it is signed", async || !origins(stack).is_empty()).await;
    lose(stack).await;
    let _ = done(stack, &GIVE_UP);
    eventually("work goes on", async || session(stack).await == 201).await;
}

async fn the_new_log_is_signed_under_its_own(stack: &mut Stack) {
    given_up(stack).await;
    let ours = format!("avanzacast/{}", stack.query("SELECT ledger_id FROM ledger_head"));
    for _ in 0..3 {
        let before = origins(stack).len();
        assert_eq!(session(stack).await, 201);
        eventually("it is signed", async || origins(stack).len() > before).await;
    }
    assert!(origins(stack).iter().all(|origin| *origin == ours), "{:?}", origins(stack));
    let auditor = stack.api().with_secret(stack.secret());
    let key = auditor.get("/api/audit/key").await.expect(200);
    assert_eq!(key.str("origin"), ours);
    assert_eq!(done(stack, &["key"]).lines().next(), Some(key.str("vkey")));
    assert_eq!(auditor.get("/checkpoint").await.expect(200).text.lines().next(), Some(ours.as_str()));
    std::fs::write(stack.data_dir().join("new"), auditor.get("/checkpoint").await.expect(200).text).unwrap();
    let _ = done(stack, &["verify", "--checkpoint", "new"]);
    let text = signer(stack).logs().join("\n");
    assert!(!text.contains("NOTHING IS SIGNED ANY MORE"), "{text}");
}

/// The name that is configured stays the old one.
async fn the_old_name_signs_nothing(stack: &mut Stack) {
    given_up(stack).await;
    let refusal = signer(stack).wait_for_log("NOTHING IS SIGNED ANY MORE").to_string();
    assert!(refusal.contains(OLD) && refusal.contains("needs another name"), "{refusal}");
    assert_eq!(session(stack).await, 201);
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(origins(stack), [""; 0]);
    stack.api().with_secret(stack.secret()).get("/api/audit/key").await.problem(404, "not_found");

    let mut told = environment(stack);
    told.push(("AUDIT_ORIGIN".to_owned(), OLD.to_owned()));
    for command in [&["key"][..], &["key", "rotate"]] {
        let output = audit_in(told.clone(), stack.data_dir(), command);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(2) && said.contains("needs another name"), "{command:?}: {said}");
    }

    let again = if stack.is_sqlite() {
        stack.edges.drain(..).for_each(|up| up.kill9());
        stack.start_up()
    } else {
        stack.start_audit()
    };
    assert_eq!(again.wait().code(), Some(2));
    let said = again.logs().join("\n");
    assert!(said.contains(OLD) && said.contains("needs another name"), "{said}");
    drop(again);
    assert_eq!(origins(stack), [""; 0]);
}

/// The event that says so may be archived; what it says stays known, and both logs and the archive are one record.
async fn an_archive_forgets_no_name(stack: &mut Stack) {
    let id = stack.query("SELECT ledger_id FROM ledger_head");
    given_up(stack).await;
    stack.sessions(300).await;
    let archived = stack.archive().await;
    assert!(!stack.ledger()[0].contains("ledger.gap"));

    let mut told = environment(stack);
    told.push(("AUDIT_ORIGIN".to_owned(), format!("avanzacast/{id}")));
    let output = audit_in(told, stack.data_dir(), &["key"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(2) && said.contains("needs another name"), "{said}");

    let (given_up, file) = (format!("ledger_{}", &id[..8]), archived["events"].as_str().unwrap());
    let all = ["--source", &given_up, "--source", file, "--source", "ledger"];
    let _ = assert_rebuilt(stack, "archived", &all);
}

/// Without a loss too: a log is called what it was called when it was signed.
async fn a_log_keeps_its_name(stack: &mut Stack) {
    assert_eq!(session(stack).await, 201);
    eventually("it is signed", async || !origins(stack).is_empty()).await;
    assert!(stack.audits.remove(0).terminate().success());
    let renamed = stack.start_audit_with(env(&[("AUDIT_ORIGIN", "studio.test/other")]));
    assert_eq!(session(stack).await, 201);
    let refusal = renamed.wait_for_log("NOTHING IS SIGNED ANY MORE").to_string();
    assert!(refusal.contains("studio.test/other") && refusal.contains("a log keeps its name"), "{refusal}");
    assert!(!origins(stack).contains(&"studio.test/other".to_owned()));
}

#[tokio::test]
async fn own_sqlite() {
    the_new_log_is_signed_under_its_own(&mut Stack::sqlite_with(env(&[])).await).await;
}

#[tokio::test]
async fn own_postgres() {
    require!(Postgres::available());
    the_new_log_is_signed_under_its_own(&mut postgres(env(&[])).await).await;
}

#[tokio::test]
async fn old_sqlite() {
    the_old_name_signs_nothing(&mut Stack::sqlite_with(env(&[("AUDIT_ORIGIN", OLD)])).await).await;
}

#[tokio::test]
async fn old_postgres() {
    require!(Postgres::available());
    the_old_name_signs_nothing(&mut postgres(env(&[("AUDIT_ORIGIN", OLD)])).await).await;
}

#[tokio::test]
async fn archived_sqlite() {
    an_archive_forgets_no_name(&mut Stack::sqlite_with(env(&[])).await).await;
}

#[tokio::test]
async fn archived_postgres() {
    require!(Postgres::available());
    an_archive_forgets_no_name(&mut postgres(env(&[])).await).await;
}

#[tokio::test]
async fn kept_postgres() {
    require!(Postgres::available());
    a_log_keeps_its_name(&mut postgres(env(&[])).await).await;
}
