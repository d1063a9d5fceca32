//! An older copy of the database is brought up to date. Promises: the ledger is what it was, byte for byte, and state what
//! follows from it; what does not fit is refused before anything is written; killed and done again, it comes to the same.

use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use avanzacast_schemas::SessionId;
use avanzacast_tests::{LiveKitKey, Postgres, Stack, StackOptions, binary, eventually, require};
use serde_json::{Value, json};
use signed_note::{Note, StandardSigner};

use super::command::{assert_rebuilt, done, environment, wrong};
use super::history::History;
use super::older;

/// What happened before the copy, and what only the bus knows after it.
const STEPS: usize = 60;
const LOST: usize = 400;

/// Links from before the copy and from after it, none of which is open any more when the copy comes back.
struct Links {
    consumed: String,
    revoked: String,
    lost: String,
    registered: Value,
}

async fn link(stack: &Stack) -> String {
    let body = json!({"room": "blue", "username": "Ana", "singleUse": true});
    stack.api().post("/api/session", &body).await.expect(201).str("id").to_owned()
}

/// A history, of which the database forgets the latter part.
async fn lose(stack: &mut Stack) -> (Vec<String>, Links) {
    let mut history = History::of(stack);
    history.go_on(STEPS).await;
    history.settle().await;
    let (consumed, revoked) = (link(stack).await, link(stack).await);
    older::keep(stack);
    // With PostgreSQL the workers lost their connections for a moment.
    let body = json!({"room": "blue", "username": "Ana"});
    eventually("work goes on", async || stack.api().post("/api/session", &body).await.status == 201).await;
    stack.api().post_empty(&format!("/api/session/{consumed}/consume")).await.expect(200);
    let keeper = stack.api().with_secret(stack.secret());
    keeper.delete(&format!("/api/session/{revoked}")).await.expect(204);
    history.go_on(LOST).await;
    let lost = link(stack).await;
    history.settle().await;
    stack.until_relayed().await;
    let (name, secret) = stack.signing_key();
    let token = LiveKitKey::new(name, secret).token("from-elsewhere", "blue");
    let registered = json!({"sessionId": "registered-and-lost", "token": token});
    keeper.post("/api/tokens", &registered).await.expect(201);
    stack.until_relayed().await;
    let ledger = stack.ledger();
    older::restore(stack);
    eventually("it is noticed", async || stack.api().post("/api/session", &body).await.status == 503).await;
    (ledger, Links { consumed, revoked, lost, registered })
}

fn written(stack: &Stack, name: &str, lines: &[String]) -> String {
    let path = stack.data_dir().join(name);
    fs::write(&path, lines.join("\n")).unwrap();
    path.to_str().unwrap().to_owned()
}

/// Nothing of this may leave a trace.
fn what_does_not_fit_is_refused(stack: &Stack, ledger: &[String]) {
    let before = stack.query("SELECT * FROM ledger_head");
    let size: usize = stack.query("SELECT size FROM ledger_head").parse().unwrap();
    let changed = |change: &dyn Fn(&mut Vec<String>)| {
        let mut lines = ledger.to_vec();
        change(&mut lines);
        written(stack, "changed.ndjson", &lines)
    };
    let refused = |file: &str, more: &[&str], why: &str| {
        let said = wrong(stack, &[&["reconcile", "--from", file], more].concat());
        assert!(said.contains(why), "{said}");
        assert_eq!(stack.query("SELECT * FROM ledger_head"), before, "{why}");
    };
    // The same to any reader of JSON, and yet not the bytes that were recorded.
    let here = changed(&|lines| lines[size - 1] = lines[size - 1].replacen('{', "{ ", 1));
    refused(&here, &[], &format!("event {size} is another one"));
    refused(&changed(&|lines| drop(lines.remove(size + 3))), &[], &format!("event {} is missing", size + 4));
    refused(&changed(&|lines| lines.swap(size + 3, size + 4)), &[], &format!("event {} is missing", size + 4));
    refused(&changed(&|lines| lines[size + 3] = "forged".to_owned()), &[], "no CloudEvent");
    refused(&changed(&|lines| drop(lines.drain(..=size))), &[], &format!("event {} is missing", size + 1));
    let whole = written(stack, "whole.ndjson", ledger);
    let root = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
    let end = changed(&|lines| *lines.last_mut().unwrap() = lines.last().unwrap().replacen('{', "{ ", 1));
    refused(&end, &[], &format!("event {} is another one in EVENTS", ledger.len()));
    for (origin, size, why) in [
        (ORIGIN, ledger.len(), "a checkpoint says"),
        (ORIGIN, ledger.len() + 1, "look for the others first"),
        ("a.test/log", size, "is of the log a.test/log, and this one is called PeterNeumann"),
    ] {
        let note = written(stack, "checkpoint", &[format!("{origin}\n{size}\n{root}\n\n— {origin} AAAAAAAA\n")]);
        refused(&whole, &["--checkpoint", &note], why);
        refused("stream", &["--checkpoint", &note], why);
    }
}

/// The key of the examples of golang.org/x/mod/sumdb/note, which has no secrets.
const ORIGIN: &str = "PeterNeumann";
const SKEY: &str = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
pub const VKEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";

/// A signed checkpoint over the whole of a file that `verify` printed this of.
pub fn signed(stack: &Stack, verified: &str) -> String {
    let value = |line: &str| line.split(' ').nth(1).unwrap().to_owned();
    let (size, root) = (value(verified.lines().next().unwrap()), value(verified.lines().nth(1).unwrap()));
    let mut note = Note::new(format!("{ORIGIN}\n{size}\n{root}\n").as_bytes(), &[]).unwrap();
    note.add_sigs(&[&StandardSigner::new(SKEY).unwrap()]).unwrap();
    let path = stack.data_dir().join("signed");
    fs::write(&path, note.to_bytes()).unwrap();
    path.to_str().unwrap().to_owned()
}

fn a_checkpoint_that_somebody_else_signed_is_refused(stack: &Stack, checkpoint: &str) {
    let forged = stack.data_dir().join("forged");
    fs::write(&forged, fs::read_to_string(checkpoint).unwrap().replacen('\n', "\n1", 1)).unwrap();
    let said = wrong(stack, &["reconcile", "--checkpoint", forged.to_str().unwrap(), "--vkey", VKEY]);
    assert!(said.contains("not signed with this key"), "{said}");
}

/// Ended at any moment, it has done whole batches or nothing.
fn killed_again_and_again(stack: &Stack) {
    for ms in [5, 15, 25, 35, 45, 60] {
        let mut command = Command::new(binary());
        let command = command.args(["audit", "reconcile"]).env_clear().envs(environment(stack));
        let command = command.current_dir(stack.data_dir()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        std::thread::sleep(Duration::from_millis(ms));
        drop(child.kill());
        child.wait().unwrap();
        let lines = stack.query("SELECT count(*) FROM ledger");
        assert_eq!(lines, stack.query("SELECT size FROM ledger_head"), "after {ms} ms");
    }
}

async fn what_was_closed_stays_closed(stack: &Stack, links: &Links) {
    let body = json!({"room": "blue", "username": "Ana"});
    eventually("work goes on", async || stack.api().post("/api/session", &body).await.status == 201).await;
    let consume = async |id: &str| stack.api().post_empty(&format!("/api/session/{id}/consume")).await;
    consume(&links.consumed).await.problem(409, "session_consumed");
    consume(&links.revoked).await.problem(410, "session_revoked");
    consume(&links.lost).await.problem(404, "session_not_found");
    // Nor does what stands in the place of its id open a door.
    let participant = SessionId::try_from(links.lost.clone()).unwrap().participant();
    assert!(consume(&format!("rebuilt:{participant}")).await.status >= 400);
    let keeper = stack.api().with_secret(stack.secret());
    // Its participant is in the ledger already, so it is not registered a second time.
    keeper.post("/api/tokens", &links.registered).await.problem(409, "session_exists");
    let listed = keeper.get("/api/sessions?limit=100").await.expect(200);
    let found = listed.body.as_array().unwrap().iter().any(|row| row["id"] == format!("rebuilt:{participant}"));
    assert!(found, "managers see that there is one: {}", listed.text);
}

async fn an_older_copy(stack: &mut Stack) {
    let (ledger, links) = lose(stack).await;
    let stack = &*stack;
    let size: usize = stack.query("SELECT size FROM ledger_head").parse().unwrap();
    what_does_not_fit_is_refused(stack, &ledger);
    killed_again_and_again(stack);
    let whole = written(stack, "whole.ndjson", &ledger);
    let root = done(stack, &["verify", &whole]);
    let checkpoint = signed(stack, &root);
    a_checkpoint_that_somebody_else_signed_is_refused(stack, &checkpoint);
    let said = done(stack, &["reconcile", "--checkpoint", &checkpoint, "--vkey", VKEY]);
    assert!(size < ledger.len() && said.starts_with("appended ") && said.ends_with(&root), "{said}");
    // Workers may have gone on by now.
    assert_eq!(stack.ledger()[..ledger.len()], ledger, "byte for byte");
    assert!(done(stack, &["reconcile"]).starts_with("appended 0\n"), "done again it does nothing");
    what_was_closed_stays_closed(stack, &links).await;
    assert!(assert_rebuilt(stack, "after", &[]).contains("rebuilt"));
    done(stack, &["verify"]);
    stack.until_relayed().await;
}

/// What was erased is erased again: an export goes further than the copy, and says so.
async fn an_erasure(stack: &mut Stack) {
    let id = link(stack).await;
    let participant = SessionId::try_from(id).unwrap().participant();
    let user = json!({"email": "ana@example.org", "username": "ana"});
    let user = stack.api().with_secret(stack.secret()).post("/api/users", &user).await.expect(201).int("id");
    stack.until_relayed().await;
    let mut lines = stack.ledger();
    for whom in [json!({"participant": participant}), json!({"user": user})] {
        let mut event: Value = serde_json::from_str(&lines[0]).unwrap();
        let mut data = json!({"actor": {"kind": "operator"}, "values": 1, "reason": "asked by letter"});
        data.as_object_mut().unwrap().extend(whom.as_object().unwrap().clone());
        event["type"] = json!("person.erased");
        event["ledgerseq"] = json!((lines.len() + 1).to_string());
        event["data"] = data;
        lines.push(event.to_string());
    }
    let people = "SELECT count(*) FROM person";
    let before: u32 = stack.query(people).parse().unwrap();
    let file = written(stack, "further.ndjson", &lines);
    let said = wrong(stack, &["reconcile", "--from", &file]);
    assert!(said.contains("nothing says that this ledger lost"), "{said}");
    let checkpoint = signed(stack, &done(stack, &["verify", &file]));
    let reconcile = ["reconcile", "--from", &file, "--checkpoint", &checkpoint, "--vkey", VKEY];
    assert!(done(stack, &reconcile).starts_with("appended 2\n"));
    assert_eq!(stack.query(people), (before - 3).to_string());
    assert_eq!(
        stack.query("SELECT count(*) FROM account WHERE email_key IS NOT NULL OR username_key IS NOT NULL"),
        "0"
    );
    assert_rebuilt(stack, "erased", &[]);
}

/// Nobody needs it, and nothing happens.
async fn nothing_lost(stack: &Stack) {
    link(stack).await;
    stack.until_signed(1).await;
    stack.until_relayed().await;
    assert!(done(stack, &["reconcile"]).starts_with("appended 0\nsize 1\n"));
}

/// A log whose name and key a test knows.
fn env() -> Vec<(String, String)> {
    [("AUDIT_ORIGIN", ORIGIN), ("AUDIT_SIGNING_KEY", SKEY)]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
}

#[tokio::test]
async fn sqlite() {
    let mut stack = Stack::sqlite_with(env()).await;
    nothing_lost(&stack).await;
    an_erasure(&mut stack).await;
    an_older_copy(&mut stack).await;
}

#[tokio::test]
async fn postgres() {
    require!(Postgres::available());
    let mut stack = Stack::postgres(StackOptions { rooms: 1, audits: 1, env: env(), ..StackOptions::default() }).await;
    nothing_lost(&stack).await;
    an_erasure(&mut stack).await;
    an_older_copy(&mut stack).await;
}
