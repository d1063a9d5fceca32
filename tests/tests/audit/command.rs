//! `avanzacast audit`. Promises: replay gives the ledger's bytes, from the stream as from the database; verify finds a
//! changed, removed, moved or added line, and says where; who only has the auditor's credential can do the first.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use async_nats::jetstream;
use avanzacast_schemas::SessionId;
use avanzacast_schemas::bus::BusUser;
use avanzacast_tests::{Answer, Postgres, Stack, StackOptions, binary, merkle, on_both_databases, require};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

type Env = Vec<(String, String)>;

/// What an auditor has who may read both copies: beside `up` only the folder.
fn environment(stack: &Stack) -> Env {
    let mut env = auditor(stack);
    env.extend(stack.database.iter().map(|name| ("DATABASE_URL".to_owned(), stack.cluster().url(name))));
    env
}

/// What an auditor has who may read the stream.
fn auditor(stack: &Stack) -> Env {
    let mut env = stack.nats.as_ref().map_or_else(Vec::new, |nats| nats.environment(BusUser::Audit));
    env.push(("DATA_DIR".to_owned(), stack.data_dir().to_str().unwrap().to_owned()));
    env
}

fn run(env: Env, folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(binary());
    command.arg("audit").args(arguments).env_clear().envs(env).current_dir(folder).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Runs it to a good end, and answers its output.
fn audit(stack: &Stack, arguments: &[&str]) -> String {
    let output = run(environment(stack), stack.data_dir(), arguments);
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    text(&output.stdout)
}

/// Runs it to a bad end, and answers what it said about it.
fn wrong(stack: &Stack, arguments: &[&str]) -> String {
    let output = run(environment(stack), stack.data_dir(), arguments);
    assert_eq!(output.status.code(), Some(1), "{arguments:?}: {output:?}");
    text(&output.stderr)
}

fn file(stack: &Stack, name: &str, lines: &[String]) -> PathBuf {
    let path = stack.data_dir().join(name);
    fs::write(&path, lines.iter().map(|line| format!("{line}\n")).collect::<String>()).unwrap();
    path
}

fn root(lines: &[String]) -> merkle::Hash {
    merkle::root(&lines.iter().map(merkle::leaf).collect::<Vec<_>>())
}

async fn session(stack: &Stack, room: &str) -> Answer {
    let body = json!({"room": room, "username": "Ana", "singleUse": true});
    let created = stack.api().post("/api/session", &body).await.expect(201);
    stack.api().post_empty(&format!("/api/session/{}/consume", created.str("id"))).await.expect(200);
    created
}

/// Some history, all of it in EVENTS; answers the ledger's lines and a session.
async fn history(stack: &Stack) -> (Vec<String>, Answer) {
    for n in 0..5 {
        session(stack, if n % 2 == 0 { "blue" } else { "gr\"ün" }).await;
    }
    let last = session(stack, "blue").await;
    stack
        .api()
        .with("x-backend-secret", stack.secret())
        .post("/api/users", &json!({"email": "ana@example.org", "username": "ana"}))
        .await
        .expect(201);
    stack.until_relayed().await;
    (stack.ledger(), last)
}

fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::to_owned).collect()
}

fn replay_gives_the_ledgers_bytes(stack: &Stack, ledger: &[String], last: &Answer) {
    for source in ["stream", "ledger"] {
        let replay = |more: &[&str]| lines(&audit(stack, &[&["replay", "--source", source], more].concat()));
        let filtered = |keep: &dyn Fn(&Value) -> bool| -> Vec<String> {
            ledger.iter().filter(|line| keep(&serde_json::from_str(line).unwrap())).cloned().collect()
        };
        assert_eq!(replay(&[]), ledger, "{source}");
        assert_eq!(replay(&["--from", "3"]), ledger[2..], "{source}");
        assert_eq!(replay(&["--from", "99999"]), [""; 0], "{source}");
        assert_eq!(replay(&["--type", "session.consumed"]), filtered(&|event| event["type"] == "session.consumed"));
        let two = replay(&["--type", "session.*", "--type", "user.created"]);
        assert!(two.len() > 6 && two.len() < ledger.len());
        assert_eq!(two, filtered(&|event| event["type"] != "token.registered"), "{source}");
        let room = "gr\"ün";
        assert_eq!(replay(&["--room", room]), filtered(&|event| event["data"]["room"] == room), "{source}");
        let participant = SessionId::try_from(last.str("id").to_owned()).unwrap().participant();
        let about = filtered(&|event| event["data"]["participant"] == participant.as_str());
        assert_eq!(about.len(), 3);
        assert_eq!(replay(&["--session", last.str("id")]), about, "{source}");
        assert_eq!(replay(&["--session", participant.as_str()]), about, "{source}");
        let since: Value = serde_json::from_str(&about[0]).unwrap();
        let at = |event: &Value| event["time"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
        let expected = filtered(&|event| at(event) >= at(&since));
        assert_eq!(replay(&["--from", since["time"].as_str().unwrap()]), expected, "{source}");
        let elsewhere = at(&since)
            .to_zoned(jiff::tz::TimeZone::fixed(jiff::tz::offset(2)))
            .strftime("%Y-%m-%dT%H:%M:%S%.3f%:z")
            .to_string();
        assert_eq!(replay(&["--from", &elsewhere]), expected, "{elsewhere}");
        assert_eq!(replay(&["--from", "2020-01-01T00:00:00Z"]), ledger, "{source}");
        assert_eq!(replay(&["--from", "2999-01-01T00:00:00Z"]), [""; 0], "{source}");
        let table = replay(&["--format", "table", "--type", "session.consumed"]);
        assert_eq!(table.len(), 6);
        assert!(table[5].contains("session.consumed") && table[5].contains(participant.as_str()), "{table:?}");
    }
}

fn a_reader_who_has_seen_enough_ends_it_quietly(stack: &Stack) {
    let mut command = Command::new(binary());
    let mut replay =
        command.args(["audit", "replay"]).env_clear().envs(environment(stack)).current_dir(stack.data_dir());
    replay = replay.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = replay.spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), String::new()));
}

fn verify_gives_the_root(stack: &Stack, ledger: &[String]) {
    let expected = format!("size {}\nroot {}\n", ledger.len(), STANDARD.encode(root(ledger)));
    let whole = file(stack, "whole.ndjson", ledger);
    let whole = whole.to_str().unwrap();
    assert_eq!(audit(stack, &["verify"]), expected, "the ledger, unless told otherwise");
    for arguments in [
        &["--source", "ledger"][..],
        &["--source", "stream"],
        &[whole],
        &[whole, "--source", "stream"],
        &[whole, "--source", "ledger"],
    ] {
        assert_eq!(audit(stack, &[&["verify"], arguments].concat()), expected, "{arguments:?}");
    }
    let before = format!("5:{}", STANDARD.encode(root(&ledger[..5])));
    audit(stack, &["verify", "--expect", &before]);
    audit(stack, &["verify", whole, "--expect", &before]);
    let beginning = file(stack, "beginning.ndjson", &ledger[..5]);
    let beginning = beginning.to_str().unwrap();
    assert_eq!(audit(stack, &["verify", beginning, "--source", "ledger"]), format!("size 5\nroot {}\n", &before[2..]));
    let more = format!("{}:{}", ledger.len(), STANDARD.encode(root(ledger)));
    assert!(wrong(stack, &["verify", beginning, "--expect", &more]).contains("should go from 1 to"));
    let later = file(stack, "later.ndjson", &ledger[3..]);
    let said = audit(stack, &["verify", later.to_str().unwrap()]);
    assert!(said.contains(&format!("events 4 to {}", ledger.len())) && said.contains("needs the beginning"), "{said}");
}

fn a_tampered_file_is_found(stack: &Stack, ledger: &[String]) {
    let tampered = |name: &str, change: &dyn Fn(&mut Vec<String>)| {
        let mut lines = ledger.to_vec();
        change(&mut lines);
        file(stack, name, &lines).to_str().unwrap().to_owned()
    };
    let removed = tampered("removed", &|lines| drop(lines.remove(3)));
    let swapped = tampered("swapped", &|lines| lines.swap(3, 4));
    let doubled = tampered("doubled", &|lines| lines.insert(3, lines[2].clone()));
    let forged = tampered("forged", &|lines| lines[3] = "forged".to_owned());
    let split = tampered("split", &|lines| lines[3] = lines[3].replacen(',', ",\n", 1));
    for (path, why) in [
        (&removed, "event 4 should"),
        (&swapped, "event 4 should"),
        (&doubled, "event 4 should"),
        (&forged, "no CloudEvent"),
        (&split, "no CloudEvent"),
    ] {
        let said = wrong(stack, &["verify", path]);
        assert!(said.contains("line 4: ") && said.contains(why), "{path}: {said}");
    }
    // What is in order and well formed shows only beside what it was.
    let changed = tampered("changed", &|lines| lines[3] = lines[3].replace("blue", "red").replace("gr\\\"ün", "red"));
    let inserted = tampered("inserted", &|lines| {
        lines.insert(3, lines[2].clone());
        for (index, line) in lines.iter_mut().enumerate().skip(3) {
            let mut event: Value = serde_json::from_str(line).unwrap();
            event["ledgerseq"] = json!((index + 1).to_string());
            *line = event.to_string();
        }
    });
    let known = format!("{}:{}", ledger.len(), STANDARD.encode(root(ledger)));
    for path in [&changed, &inserted] {
        assert!(audit(stack, &["verify", path]).starts_with("size "), "{path} is well formed");
        assert!(wrong(stack, &["verify", path, "--expect", &known]).contains("not what it was"), "{path}");
        for source in ["ledger", "stream"] {
            let said = wrong(stack, &["verify", path, "--source", source]);
            assert!(said.contains("line 4: event 4 is not the one"), "{path} {source}: {said}");
        }
    }
    let longer = tampered("longer", &|lines| {
        let mut event: Value = serde_json::from_str(&lines[lines.len() - 1]).unwrap();
        event["ledgerseq"] = json!((lines.len() + 1).to_string());
        lines.push(event.to_string());
    });
    assert!(wrong(stack, &["verify", &longer, "--source", "stream"]).contains("has no event"));
    assert!(wrong(stack, &["verify", "no-such-file"]).contains("file"));
}

/// As somebody does who owns the database.
fn tamper(stack: &Stack, sql: &str) {
    if stack.is_sqlite() {
        for trigger in ["ledger_no_update", "ledger_no_delete", "ledger_only_append"] {
            stack.query(&format!("DROP TRIGGER IF EXISTS {trigger}"));
        }
        stack.query(sql);
    } else {
        stack.query(&format!("ALTER TABLE ledger DISABLE TRIGGER USER; {sql}; ALTER TABLE ledger ENABLE TRIGGER USER"));
    }
}

fn a_tampered_ledger_is_found(stack: &Stack, ledger: &[String]) {
    let size = ledger.len();
    let body = |index: usize| ledger[index].replace('\'', "''");
    let changed =
        body(3).replace("singleUse\":true", "singleUse\":false").replace("blue", "red").replace("gr\\\"ün", "red");
    assert_ne!(changed, body(3));
    let restore = format!("UPDATE ledger SET body = '{}' WHERE seq = 4", body(3));
    tamper(stack, &format!("UPDATE ledger SET body = '{changed}' WHERE seq = 4"));
    let said = wrong(stack, &["verify"]);
    assert!(said.contains("an event from 1 to ") && said.contains("not what it was when it was recorded"), "{said}");
    // A copy from before says which.
    let before = file(stack, "before.ndjson", ledger);
    assert!(wrong(stack, &["verify", before.to_str().unwrap(), "--source", "ledger"]).contains("event 4 is not"));
    tamper(stack, &format!("UPDATE ledger SET body = '{}' WHERE seq = 4", body(4)));
    assert!(wrong(stack, &["verify"]).contains("line 4: event 4 should stand here, and event 5 does"));
    tamper(stack, &restore);
    audit(stack, &["verify"]);

    tamper(stack, "DELETE FROM ledger WHERE seq = 4");
    assert!(wrong(stack, &["verify"]).contains("line 4 is missing"));
    assert!(wrong(stack, &["replay", "--source", "ledger"]).contains("line 4 is missing"));
    tamper(stack, &format!("INSERT INTO ledger (seq, body) VALUES (4, '{}')", body(3)));
    audit(stack, &["verify"]);
    tamper(stack, &format!("DELETE FROM ledger WHERE seq = {size}"));
    assert!(wrong(stack, &["verify"]).contains(&format!("line {size} is missing")));
    tamper(stack, &format!("INSERT INTO ledger (seq, body) VALUES ({size}, '{}')", body(size - 1)));
    tamper(stack, "UPDATE ledger SET seq = -seq WHERE seq = 1");
    assert!(wrong(stack, &["verify"]).contains("line 1 is missing"));
    tamper(stack, "UPDATE ledger SET seq = -seq WHERE seq = -1");
    audit(stack, &["verify"]);
}

async fn record(stack: &Stack) {
    let (ledger, last) = history(stack).await;
    replay_gives_the_ledgers_bytes(stack, &ledger, &last);
    a_reader_who_has_seen_enough_ends_it_quietly(stack);
    verify_gives_the_root(stack, &ledger);
    a_tampered_file_is_found(stack, &ledger);
    a_tampered_ledger_is_found(stack, &ledger);
}

on_both_databases!(record);

#[tokio::test(flavor = "multi_thread")]
async fn what_the_stream_no_longer_has_is_said_to_be_in_the_ledger() {
    require!(Postgres::available());
    let stack = Stack::postgres(StackOptions::default()).await;
    let (ledger, _) = history(&stack).await;
    let jetstream = jetstream::new(stack.admin().await);
    jetstream.get_stream("EVENTS").await.unwrap().purge().sequence(5).await.unwrap();
    for from in ["1", "4", "2020-01-01T00:00:00Z"] {
        let said = wrong(&stack, &["replay", "--from", from]);
        assert!(said.contains("begins at 5") && said.contains("--source ledger"), "{from}: {said}");
    }
    let output = run(environment(&stack), stack.data_dir(), &["replay"]);
    assert_eq!((output.status.code(), lines(&text(&output.stdout))), (Some(0), ledger[4..].to_vec()));
    assert!(text(&output.stderr).contains("begins at 5"), "it is not silent about what it leaves out: {output:?}");
    assert_eq!(lines(&audit(&stack, &["replay", "--from", "5"])), ledger[4..]);
    let said = audit(&stack, &["verify", "--source", "stream"]);
    assert!(said.contains("events 5 to") && said.contains("needs the beginning"), "{said}");
    let whole = file(&stack, "whole.ndjson", &ledger);
    assert!(wrong(&stack, &["verify", whole.to_str().unwrap(), "--source", "stream"]).contains("--source ledger"));
    assert!(audit(&stack, &["verify", "--source", "ledger"]).starts_with("size "));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_auditor_can_replay_and_nothing_else() {
    require!(Postgres::available());
    let stack = Stack::postgres(StackOptions::default()).await;
    let (ledger, _) = history(&stack).await;
    let output = run(auditor(&stack), stack.data_dir(), &["replay"]);
    assert_eq!(lines(&text(&output.stdout)), ledger, "{output:?}");
    // No database, no operator's password; and the auditor's own is none.
    assert_eq!(run(auditor(&stack), stack.data_dir(), &["verify"]).status.code(), Some(1), "no ledger is made up");
    assert!(!stack.data_dir().join("avanzacast.db").exists(), "it makes no file");
    let nats = stack.nats.as_ref().unwrap();
    let password = nats.password(BusUser::Audit).to_owned();
    let mut env = auditor(&stack);
    env.push(("NATS_ADMIN_PASSWORD".to_owned(), password));
    let mut command = Command::new(binary());
    let output = command.args(["dead", "list"]).env_clear().envs(env).current_dir(stack.data_dir()).output().unwrap();
    assert!(output.status.code() == Some(1) && text(&output.stderr).contains("refuses the user admin"), "{output:?}");
    let client = nats.connect(BusUser::Audit).await;
    let audit = jetstream::with_prefix(client.clone(), "APPJS.API");
    assert!(audit.get_stream("EVENTS").await.is_ok(), "what it may");
    for stream in ["INTAKE", "DEAD", "KV_sessions"] {
        assert!(audit.get_stream(stream).await.is_err(), "it sees {stream}");
    }
    assert!(audit.delete_stream("EVENTS").await.is_err());
    drop(client.publish("evt.forged", "{}".into()).await);
    client.flush().await.unwrap();
    assert_eq!(lines(&text(&run(auditor(&stack), stack.data_dir(), &["replay"]).stdout)), ledger);
}

#[test]
fn usage_is_checked() {
    let folder = tempfile::tempdir().unwrap();
    let try_it = |arguments: &[&str]| run(Vec::new(), folder.path(), arguments);
    for wrong in [
        &[][..],
        &["replay", "--from", "0"],
        &["replay", "--from", "yesterday"],
        &["replay", "--from", "2026-02-02T02:40:00"],
        &["replay", "--session", "é"],
        &["replay", "--format", "xml"],
        &["replay", "--source", "file"],
        &["replay"],
        &["verify", "--expect", "12"],
        &["verify", "--expect", "0:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="],
        &["verify", "--source", "stream"],
    ] {
        let output = try_it(wrong);
        assert_eq!(output.status.code(), Some(2), "{wrong:?}: {output:?}");
    }
    let output = try_it(&["verify"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(text(&output.stderr).contains("there is no ledger"), "{output:?}");
    assert!(!folder.path().join("data").exists(), "it makes nothing");
    let empty = folder.path().join("empty.ndjson");
    fs::write(&empty, "").unwrap();
    let output = try_it(&["verify", empty.to_str().unwrap()]);
    assert_eq!(text(&output.stdout), "size 0\nroot 47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n");
    for help in [&["--help"][..], &["replay", "--help"], &["verify", "--help"]] {
        assert!(text(&try_it(help).stdout).contains("Usage: avanzacast audit"), "{help:?}");
    }
}
