//! The ledger, read past the product: what each story writes there, what it never holds, and that it only grows.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use async_nats::jetstream;
use avanzacast_schemas::SessionId;
use avanzacast_tests::{Answer, Stack, on_both_databases};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::time::{Instant, sleep};

const LIMIT: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(100);
const KEY: &str = "resume-key-that-is-in-no-event-0123";

/// RFC 6962: leaves and nodes; the complete subtrees, largest first, and the tree's root both ways.
const TREE: &str = r"
import hashlib, sys
sha = lambda data: hashlib.sha256(data).digest()
leaves = [sha(b'\0' + line) for line in sys.stdin.buffer.read().split(b'\n')[:-1]]
def root(part):
    if not part: return sha(b'')
    if len(part) == 1: return part[0]
    k = 1
    while k * 2 < len(part): k *= 2
    return sha(b'\1' + root(part[:k]) + root(part[k:]))
frontier, at = [], 0
for bit in reversed(range(64)):
    if len(leaves) >> bit & 1:
        frontier.append(root(leaves[at:at + (1 << bit)])); at += 1 << bit
folded = None
for node in reversed(frontier):
    folded = node if folded is None else sha(b'\1' + node + folded)
assert folded == root(leaves)
print(b''.join(frontier).hex())
";

fn participant(created: &Answer) -> String {
    SessionId::try_from(created.str("id").to_owned()).unwrap().participant().as_str().to_owned()
}

fn kinds(stack: &Stack, created: &Answer) -> Vec<String> {
    let events = stack.events_of(&participant(created));
    events.iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect()
}

async fn each_story_writes_its_events_in_order(stack: &Stack) {
    let (api, mut secrets) = (stack.api().with("x-session-resume", KEY), vec![KEY.to_owned()]);
    let mut tell = async |more: Value, consumes: usize| {
        let mut body = json!({"room": "demo", "username": "Ana Secretísima"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let created = api.post("/api/session", &body).await.expect(201);
        secrets.push(created.str("id").to_owned());
        for _ in 0..consumes {
            let consumed = api.post_empty(&format!("/api/session/{}/consume", created.str("id"))).await.expect(200);
            secrets.push(consumed.str("token").to_owned());
        }
        created
    };
    let plain = tell(json!({}), 1).await;
    let link = tell(json!({"singleUse": true, "role": "viewer"}), 1).await;
    let resumed = tell(json!({"singleUse": true}), 3).await;
    let looked = tell(json!({}), 0).await;
    let expiring = [tell(json!({"ttl": 1}), 0).await, tell(json!({"ttl": 1, "singleUse": true}), 0).await];
    for _ in 0..3 {
        api.get(&format!("/api/session/{}", looked.str("id"))).await.expect(200);
    }
    stack.api().post("/api/session", &json!({"room": "*", "username": "Ana"})).await.expect(400);
    stack.api().post_empty(&format!("/api/session/{}/consume", link.str("id"))).await.problem(409, "session_consumed");

    assert_eq!(kinds(stack, &plain), ["token.registered", "session.consumed"]);
    assert_eq!(kinds(stack, &link), ["session.created", "token.registered", "session.consumed"]);
    let again = "token.reissued";
    assert_eq!(kinds(stack, &resumed), ["session.created", "token.registered", "session.consumed", again, again]);
    assert_eq!(kinds(stack, &looked), ["token.registered"], "looking writes nothing");
    sleep(Duration::from_millis(4_500)).await;
    assert_eq!(kinds(stack, &expiring[0]), ["token.registered", "session.expired"], "exactly once");
    assert_eq!(kinds(stack, &expiring[1]), ["session.created", "session.expired"], "exactly once");
    let swept = stack.events_of(&participant(&expiring[0])).remove(1);
    assert_eq!(swept.pointer("/data/actor"), Some(&json!({"kind": "sweep"})));

    let logs: Vec<String> =
        stack.edges.iter().chain(&stack.workers).flat_map(avanzacast_tests::Process::logs).collect();
    secrets.extend(["Secret".to_owned(), "\"Ana".to_owned()]);
    for secret in &secrets {
        for line in stack.ledger().iter().chain(&logs) {
            assert!(!line.contains(secret.as_str()), "{secret} in {line}");
        }
        let inbox = stack.query("SELECT decision FROM inbox");
        assert!(secret.len() == 36 || !inbox.contains(secret.as_str()), "the inbox keeps {secret}");
    }
    let token = &secrets[2];
    let fingerprint = data_encoding::HEXLOWER.encode(&Sha256::digest(token));
    let first = stack.events_of(&participant(&plain)).remove(0);
    assert_eq!(first.pointer("/data/fingerprint"), Some(&json!(fingerprint)));
    the_name_is_proved_by_its_hash(stack, &first);
}

fn the_name_is_proved_by_its_hash(stack: &Stack, event: &Value) {
    let participant = event.pointer("/data/participant").and_then(Value::as_str).unwrap();
    let row =
        stack.query(&format!("SELECT salt, value FROM person WHERE subject = '{participant}' AND field = 'name'"));
    let (salt, value) = row.split_once('|').unwrap();
    assert_eq!(value, "Ana Secretísima");
    let salt = data_encoding::HEXLOWER.decode(salt.as_bytes()).unwrap();
    assert!(salt.len() >= 16, "a salt that can be guessed hides nothing");
    let hash = Sha256::new().chain_update(salt).chain_update(value).finalize();
    assert_eq!(event.pointer("/data/nameHash"), Some(&json!(data_encoding::HEXLOWER.encode(&hash))));
}

fn every_line_is_a_cloud_event_in_its_place(stack: &Stack) {
    let (mut before, mut ids) = (String::new(), std::collections::HashSet::new());
    for (index, line) in stack.ledger().iter().enumerate() {
        let event: Value = serde_json::from_str(line).unwrap();
        let kind = event["type"].as_str().unwrap();
        assert_eq!(event["specversion"], "1.0");
        assert_eq!(event["datacontenttype"], "application/json");
        assert_eq!(event["ledgerseq"], json!((index + 1).to_string()), "dense, from 1, a decimal string");
        assert_eq!(event["dataschema"], json!(format!("urn:avanzacast:event:{kind}:1")));
        assert!(event["source"].as_str().is_some_and(|source| !source.is_empty()));
        assert!(event.pointer("/data/actor/kind").is_some(), "{line}");
        let time = event["time"].as_str().unwrap();
        assert!(time.parse::<jiff::Timestamp>().is_ok() && time >= before.as_str(), "{before} then {time}");
        before = time.to_owned();
        let id = event["id"].as_str().unwrap();
        assert!(id.len() == 36 && id.as_bytes()[14] == b'7', "a UUID v7: {id}");
        assert!(ids.insert(id.to_owned()), "{id} twice");
    }
    let size: usize = stack.query("SELECT size FROM ledger_head").parse().unwrap();
    assert_eq!((size, stack.query("SELECT max(seq) FROM ledger")), (ids.len(), ids.len().to_string()));
}

/// Anyone holding the lines recomputes the root.
fn the_head_is_the_root_of_the_lines(stack: &Stack) {
    let frontier = if stack.is_sqlite() { "lower(hex(frontier))" } else { "encode(frontier, 'hex')" };
    let head = stack.query(&format!("SELECT {frontier} FROM ledger_head"));
    let mut python = Command::new("python3");
    let mut python = python.args(["-c", TREE]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = python.stdin.take().unwrap();
    for line in stack.ledger() {
        writeln!(input, "{line}").unwrap();
    }
    drop(input);
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success());
    assert_eq!(String::from_utf8(output.stdout).unwrap().trim(), head);
}

async fn events_holds_the_ledgers_bytes(stack: &Stack) {
    let lines = stack.ledger();
    let jetstream = jetstream::new(stack.admin().await);
    let deadline = Instant::now() + LIMIT;
    let events = loop {
        let events = jetstream.get_stream("EVENTS").await.unwrap();
        if events.cached_info().state.last_sequence >= lines.len() as u64 || Instant::now() > deadline {
            break events;
        }
        sleep(POLL).await;
    };
    let state = events.cached_info().state.clone();
    assert_eq!((state.first_sequence, state.messages), (1, lines.len() as u64));
    for (sequence, line) in (1..).zip(&lines) {
        let message = events.get_raw_message(sequence).await.unwrap();
        assert_eq!(str::from_utf8(&message.payload).unwrap(), line, "sequence {sequence}");
        let event: Value = serde_json::from_str(line).unwrap();
        assert_eq!(message.subject.as_str(), format!("evt.{}", event["type"].as_str().unwrap()));
    }
    let id = stack.query("SELECT ledger_id FROM ledger_head");
    assert_eq!(events.cached_info().config.metadata.get("ledger_id"), Some(&id));
}

fn the_database_itself_refuses_to_rewrite(stack: &Stack) {
    let size: u64 = stack.query("SELECT max(seq) FROM ledger").parse().unwrap();
    let before = stack.ledger();
    let insert = |seq: u64| format!("INTO ledger (seq, body) VALUES ({seq}, 'forged')");
    let mut attempts = vec![
        "UPDATE ledger SET body = 'forged' WHERE seq = 1".to_owned(),
        "UPDATE ledger SET seq = seq + 1000".to_owned(),
        "DELETE FROM ledger WHERE seq = 1".to_owned(),
        "DELETE FROM ledger".to_owned(),
        format!("DELETE FROM ledger WHERE seq = {size}"),
    ];
    attempts.extend([0, 1, size, size + 2, size + 1000].map(|seq| format!("INSERT {}", insert(seq))));
    let over = "ON CONFLICT (seq) DO UPDATE SET body = excluded.body";
    attempts.extend([1, size].map(|seq| format!("INSERT {} {over}", insert(seq))));
    let two = format!("INSERT {}, ({}, 'forged')", insert(size + 1), size + 3);
    attempts.push(two);
    if stack.is_sqlite() {
        attempts.extend([1, size].map(|seq| format!("INSERT OR REPLACE {}", insert(seq))));
        attempts.extend([1, size].map(|seq| format!("REPLACE {}", insert(seq))));
        attempts.push("UPDATE OR REPLACE ledger SET seq = 1 WHERE seq = 2".to_owned());
    } else {
        attempts.extend(["TRUNCATE ledger", "TRUNCATE ledger, ledger_head CASCADE"].map(str::to_owned));
    }
    for sql in attempts {
        let refusal = stack.try_query(&sql).expect_err(&sql);
        let by_key = refusal.contains("ledger_pkey");
        assert!(by_key || refusal.contains("append-only"), "{sql}: {refusal}");
        assert_eq!(stack.ledger(), before, "{sql}");
    }
}

async fn ledger(stack: &Stack) {
    each_story_writes_its_events_in_order(stack).await;
    every_line_is_a_cloud_event_in_its_place(stack);
    the_head_is_the_root_of_the_lines(stack);
    events_holds_the_ledgers_bytes(stack).await;
    the_database_itself_refuses_to_rewrite(stack);
    // After all this it goes on.
    stack.api().post("/api/session", &json!({"room": "demo", "username": "Bo"})).await.expect(201);
    the_head_is_the_root_of_the_lines(stack);
}

on_both_databases!(ledger, [("RUST_LOG", "debug")]);
