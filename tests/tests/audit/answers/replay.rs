//! Replay of parts: by index or by looking at every line, to some place, from where it ended, and as it happens.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Stdio},
    time::Duration,
};

use async_nats::jetstream;
use avanzacast_tests::{Postgres, Stack, StackOptions, eventually, on_both_databases, require};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::{answer, each, participant, registered, session};

struct Said {
    lines: Vec<String>,
    stderr: String,
}

fn replay(stack: &Stack, arguments: &[&str]) -> Said {
    let output = stack.audit(&[&["replay"], arguments].concat());
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Said { lines: text(output.stdout).lines().map(str::to_owned).collect(), stderr: text(output.stderr) }
}

/// Users, broadcasts, rooms and sessions, each more than one; answers a broadcast.
async fn history(stack: &Stack) -> (String, String) {
    let keeper = stack.api().with_secret(stack.secret());
    let mut users = Vec::new();
    for name in ["ana", "eva"] {
        let body = json!({"email": format!("{name}@example.org"), "username": name});
        users.push(keeper.post("/api/users", &body).await.expect(201).body["id"].as_i64().unwrap());
    }
    let mut broadcasts = Vec::new();
    for owner in &users {
        let body = json!({"title": "Hola", "ownerId": owner});
        let broadcast = keeper.post("/api/broadcasts", &body).await.expect(201).str("id").to_owned();
        let body = json!({"username": "Luz"});
        keeper.post(&format!("/api/broadcasts/{broadcast}/session"), &body).await.expect(201);
        broadcasts.push(broadcast);
    }
    registered(stack, "blue", "luis", users[0]).await;
    let mut last = String::new();
    for n in 0..6 {
        let created = session(stack, if n % 2 == 0 { "blue" } else { "red" }, "Ana").await;
        stack.api().post_empty(&format!("/api/session/{}/consume", created.str("id"))).await.expect(200);
        last = participant(&created);
    }
    keeper.post_empty(&format!("/api/broadcasts/{}/start", broadcasts[0])).await.expect(200);
    (broadcasts[0].clone(), last)
}

/// By hand, over every line.
fn fits(event: &Value, kind: &str, key: &str) -> bool {
    let data = &event["data"];
    let is =
        |field: &str| data[field].as_str() == Some(key) || data[field].as_i64().is_some_and(|n| n.to_string() == key);
    match kind {
        "--session" => is("participant"),
        "--room" => is("room"),
        "--user" => ["user", "ownerId", "createdBy"].into_iter().any(is),
        "--broadcast" => is("broadcast") || is("broadcastId") || data["room"] == format!("broadcast-{key}"),
        "--type" => event["type"] == key,
        _ => panic!("{kind}"),
    }
}

fn parts_are_the_same_from_everywhere(stack: &Stack, broadcast: &str, session: &str) {
    let ledger = stack.ledger();
    let questions: &[&[(&str, &str)]] = &[
        &[("--session", session)],
        &[("--room", "blue")],
        &[("--room", "blue"), ("--room", "red")],
        &[("--user", "1")],
        &[("--user", "1"), ("--room", "blue")],
        &[("--broadcast", broadcast)],
        &[("--broadcast", broadcast), ("--type", "broadcast.started")],
        &[("--type", "session.consumed"), ("--room", "red"), ("--type", "token.registered")],
        &[("--room", "nowhere")],
    ];
    for question in questions {
        let fit = |event: &Value| {
            question.iter().all(|(kind, _)| {
                let same_kind = question.iter().filter(|(other, _)| other == kind);
                same_kind.into_iter().any(|(kind, key)| fits(event, kind, key))
            })
        };
        let expected: Vec<String> =
            ledger.iter().filter(|line| fit(&serde_json::from_str(line).unwrap())).cloned().collect();
        assert_eq!(expected.is_empty(), question[0].1 == "nowhere", "{question:?}");
        let arguments: Vec<&str> = question.iter().flat_map(|(kind, key)| [*kind, *key]).collect();
        for source in ["stream", "ledger"] {
            let said = replay(stack, &[&arguments[..], &["--source", source]].concat());
            assert_eq!(said.lines, expected, "{question:?} {source}");
            let asks_index = source == "ledger" && question.iter().any(|(kind, _)| *kind != "--type");
            let reach = format!("the index reaches {}", ledger.len());
            assert_eq!(said.stderr.contains(&reach), asks_index, "{question:?} {source}: {}", said.stderr);
        }
    }
}

fn it_goes_on_where_it_ended(stack: &Stack) {
    let ledger = stack.ledger();
    for source in ["stream", "ledger"] {
        let replay = |arguments: &[&str]| replay(stack, &[arguments, &["--source", source]].concat());
        let beginning = replay(&["--to", "5"]);
        assert_eq!((&beginning.lines[..], beginning.stderr.lines().last()), (&ledger[..5], Some("last 5")));
        let rest = replay(&["--after", "5"]);
        let last = format!("last {}", ledger.len());
        assert_eq!((&rest.lines[..], rest.stderr.lines().last()), (&ledger[5..], Some(last.as_str())));
        assert_eq!(replay(&["--after", &ledger.len().to_string()]).lines, [""; 0]);
        let gone = stack.audit_finds(&["replay", "--source", source, "--after", "99999"]);
        assert!(gone.contains("made anew, or has lost events"), "{gone}");
        // Events of one moment are on one side together.
        let third: Value = serde_json::from_str(&ledger[2]).unwrap();
        let (before, since) = (replay(&["--to", third["time"].as_str().unwrap()]), third["time"].as_str().unwrap());
        assert_eq!([before.lines, replay(&["--from", since]).lines].concat(), ledger);
        assert_eq!(replay(&["--from", "3", "--to", "4"]).lines, ledger[2..4]);
        // An end is never said to be further than there is anything: it goes on from there.
        let beyond = replay(&["--from", "1000000"]);
        assert_eq!((beyond.lines.len(), beyond.stderr.lines().last()), (0, Some(last.as_str())));
    }
    assert!(replay(stack, &["--progress"]).stderr.starts_with("last "), "what is done soon needs no word");
}

/// Asked by the command line as by `GET /api/events`: what nothing can fit was mistyped.
fn what_cannot_be_meant_is_refused(stack: &Stack) {
    let all: [&[&str]; 12] = [
        &["replay", "--from", "5", "--to", "3"],
        &["replay", "--from", "18446744073709551615"],
        &["replay", "--from", "0"],
        &["replay", "--type", ""],
        &["replay", "--type", "*"],
        &["replay", "--type", "session."],
        &["replay", "--type", "ses*on"],
        &["replay", "--room", ""],
        &["replay", "--session", "p_xxx"],
        &["export", "--from", "50", "--to", "5", "--out", "pack.zip"],
        &["prove", "--seq", "0"],
        &["rebuild", "--into", ""],
    ];
    for arguments in all {
        let output = stack.audit(arguments);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{arguments:?}: {output:?}");
    }
    let said = stack.audit(&["rebuild", "--into", "mysql://x"]);
    assert!(said.status.code() == Some(2) && String::from_utf8_lossy(&said.stderr).contains("--into"), "{said:?}");
    // A file that is not there is named.
    for arguments in [
        &["verify", "none"][..],
        &["verify", "--checkpoint", "none"],
        &["prove", "--since", "none"],
        &["who", "--room", "blue", "--archive", "none"],
        &["rebuild", "--into", "sqlite:new.db", "--source", "none"],
        &["reconcile", "--from", "none"],
        &["reconcile", "--checkpoint", "none"],
    ] {
        let said = stack.audit_finds(arguments);
        assert!(said.contains("none"), "{arguments:?}: {said}");
    }
    // Where nothing is, all say so alike.
    let empty = tempfile::tempdir().unwrap();
    for command in [&["prove", "--seq", "1"][..], &["export", "--out", "pack.zip"], &["key"], &["verify"]] {
        let mut elsewhere = stack.audit_command(command);
        let output = elsewhere.env_remove("DATABASE_URL").env("DATA_DIR", empty.path()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(1) && said.contains("there is no ledger at"), "{command:?}: {said}");
    }
}

/// Events as somebody sees them who follows.
struct Follower {
    child: Child,
    lines: std::sync::mpsc::Receiver<String>,
}

impl Follower {
    fn start(stack: &Stack, arguments: &[&str]) -> Self {
        let mut command = stack.audit_command(&[&["replay", "--follow"], arguments].concat());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (give, lines) = std::sync::mpsc::channel();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || stdout.lines().map_while(Result::ok).all(|line| give.send(line).is_ok()));
        Self { child, lines }
    }

    fn next(&self) -> String {
        self.lines.recv_timeout(Duration::from_secs(30)).expect("it is told in time")
    }

    /// Interrupts it, and answers its exit code and what it said.
    fn stop(self) -> (Option<i32>, String) {
        kill_process(Pid::from_child(&self.child), Signal::INT).unwrap();
        let output = self.child.wait_with_output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    }
}

async fn what_happens_is_followed(stack: &Stack) {
    for source in ["stream", "ledger"] {
        let size = stack.ledger().len();
        stack.until_relayed().await;
        let follower = Follower::start(stack, &["--source", source, "--after", &size.to_string(), "--room", "green"]);
        for _ in 0..3 {
            session(stack, "red", "Ana").await;
            session(stack, "green", "Ana").await;
            assert_eq!(Some(follower.next()), stack.ledger().pop(), "as it happens, and nothing else");
        }
        let last = stack.ledger().len();
        let (code, said) = follower.stop();
        assert_eq!((code, said.lines().last()), (Some(0), Some(format!("last {last}").as_str())), "{said}");
        let _ = replay(stack, &["--source", source, "--after", &last.to_string()]);
    }
}

/// Who asks how far it is hears it once it takes long, and nobody else does.
async fn a_long_one_says_how_far_it_is(stack: &Stack) {
    let [asked, other] = [&["--progress"][..], &[]].map(|more| Follower::start(stack, more));
    // Longer than what needs no word.
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    session(stack, "green", "Ana").await;
    let ledger = stack.ledger();
    let (size, last) = (ledger.len(), ledger.last().unwrap());
    for follower in [&asked, &other] {
        while follower.next() != *last {}
    }
    let (_, said) = asked.stop();
    assert!(
        said.lines().any(|line| line.starts_with(&format!("at {size}, ")) && line.ends_with(" events/s")),
        "{said}"
    );
    let (_, said) = other.stop();
    assert_eq!(said.trim_end(), format!("last {size}"));
}

async fn parts(stack: &Stack) {
    let (broadcast, session) = history(stack).await;
    stack.until_indexed().await;
    stack.until_relayed().await;
    parts_are_the_same_from_everywhere(stack, &broadcast, &session);
    it_goes_on_where_it_ended(stack);
    what_cannot_be_meant_is_refused(stack);
    what_happens_is_followed(stack).await;
    a_long_one_says_how_far_it_is(stack).await;
}

on_both_databases!(parts, [], rooms: 0, audits: 1);

/// What is archived is not passed over in silence, and its files complete the answer.
async fn archived(stack: &Stack) {
    let first = session(stack, "blue", "Ana").await;
    for _ in 0..300 {
        session(stack, "red", "Eva").await;
    }
    let expected = answer(stack, &["who", "--session", first.str("id")]);
    stack.until_signed(301).await;
    stack.until_indexed().await;
    stack.until_relayed().await;
    let followed = "SELECT min(position) FROM reactor";
    eventually("all are done with them", async || stack.query(followed).parse::<usize>().unwrap() >= 256).await;
    let archived = answer(stack, &["archive", "--before", "2099-01-01T00:00:00Z"]);
    let file = archived["events"].as_str().unwrap();

    let rest = replay(stack, &["--source", "ledger"]);
    assert_eq!(rest.lines, stack.ledger());
    assert!(rest.stderr.contains("begins at 257") && rest.stderr.contains("audit archive"), "{}", rest.stderr);
    let (archiving, sessions) = rest.lines.split_last().unwrap();
    assert!(archiving.contains("\"type\":\"ledger.archived\""), "{archiving}");
    assert_eq!(replay(stack, &["--source", "ledger", "--room", "red"]).lines, sessions);
    for from in ["7", "2020-01-01T00:00:00Z"] {
        let said = stack.audit_finds(&["replay", "--source", "ledger", "--from", from]);
        assert!(said.contains("begins at 257") && said.contains("audit archive"), "{said}");
    }
    let auditor = stack.api().with_secret(stack.secret());
    for asked in ["room=red", "after=7&room=red", "from=2020-01-01T00:00:00Z&room=red"] {
        let page = auditor.get(&format!("/api/audit/events?{asked}")).await.expect(200);
        assert_eq!((page.int("first"), page.int("through"), &page.body["done"]), (257, 302, &json!(true)), "{asked}");
        let found = page.body["events"].as_array().unwrap().iter().map(Value::to_string);
        let sessions = sessions.iter().map(|line| serde_json::from_str::<Value>(line).unwrap().to_string());
        assert!(found.eq(sessions), "{asked}: {}", page.text);
    }
    let before = auditor.get("/api/audit/events?to=2020-01-01T00:00:00Z").await.expect(200);
    assert_eq!((before.int("first"), &before.body["events"], &before.body["done"]), (257, &json!([]), &json!(true)));
    let blind = answer(stack, &["who", "--session", first.str("id")]);
    assert_eq!((&blind["couldEnter"], &blind["notCovered"]["archived"]), (&json!([]), &json!(256)));
    assert!(stack.audited(&["who", "--session", first.str("id")]).contains("up to 256 are archived"));
    let whole = answer(stack, &["who", "--session", first.str("id"), "--archive", file]);
    assert_eq!((&whole["couldEnter"], &whole["notCovered"]["archived"]), (&expected["couldEnter"], &json!(0)));
    let found = answer(stack, &["find", "--name", "Ana"]);
    assert_eq!(found["archived"], json!([participant(&first)]));
    assert_eq!(each(&answer(stack, &["find", "--name", "Eva"])["sessions"], "state").len(), 301 - 256);
}

on_both_databases!(archived, [("AUDIT_CHECKPOINT_SECONDS", "1")], rooms: 1, audits: 1);

/// A stream that was made anew is not mistaken for one in which nothing happens.
#[tokio::test]
async fn a_follower_notices_that_the_record_was_lost() {
    require!(Postgres::available());
    let stack = Stack::postgres(StackOptions::default()).await;
    session(&stack, "blue", "Ana").await;
    stack.until_relayed().await;
    let follower = Follower::start(&stack, &[]);
    let first: Value = serde_json::from_str(&follower.next()).unwrap();
    assert_eq!(first["ledgerseq"], "1");
    // The workers would refill it.
    stack.workers.iter().for_each(|worker| worker.kill9());
    jetstream::new(stack.admin().await).delete_stream("EVENTS").await.unwrap();
    stack.provision();
    let mut child = follower.child;
    let status = tokio::task::spawn_blocking(move || {
        let deadline = std::time::Instant::now() + Duration::from_secs(30);
        loop {
            if let Some(status) = child.try_wait().unwrap() {
                return Some(status);
            }
            if std::time::Instant::now() > deadline {
                child.kill().unwrap();
                return None;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    });
    assert_eq!(status.await.unwrap().and_then(|status| status.code()), Some(1));
}
