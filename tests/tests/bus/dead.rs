//! Dead letters. Promises: whatever an outsider publishes is applied or buried, and hurts nobody beside it; an operator
//! sees why without seeing a token; what is delivered again arrives once, and leaves DEAD only when it has arrived.

use std::process::{Command, Output};
use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::jetstream::{self, Context, stream::Stream};
use avanzacast_schemas::bus::BusUser;
use avanzacast_tests::{Postgres, Stack, StackOptions, binary, eventually, on_both_databases, require};
use serde_json::{Value, json};

/// Nats.conf's `max_payload`, and a little less.
pub(super) const JUST_UNDER: usize = 256 * 1024 - 200;
/// A stream takes 64 KiB of headers; with this there is no room for why it was buried.
const MOST_HEADERS: usize = 64 * 1024 - 100;
/// Stands for a token that was put where none belongs.
pub(super) const LOOKS_LIKE_A_TOKEN: &str = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl";

/// What an operator has in the environment: beside `up` only the folder.
fn operator(stack: &Stack) -> Vec<(String, String)> {
    let mut env = stack.nats.as_ref().map_or_else(Vec::new, |nats| nats.environment(BusUser::Admin));
    env.push(("DATA_DIR".to_owned(), stack.data_dir().to_str().unwrap().to_owned()));
    env
}

fn run(env: Vec<(String, String)>, folder: &std::path::Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(binary());
    command.arg("dead").args(arguments).env_clear().envs(env).current_dir(folder).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Runs it, and answers what it printed.
pub(super) fn dead(stack: &Stack, code: i32, arguments: &[&str]) -> String {
    let output = run(operator(stack), stack.data_dir(), arguments);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {output:?}");
    text(&output.stdout) + &text(&output.stderr)
}

pub(super) fn listed(stack: &Stack, arguments: &[&str]) -> Vec<Value> {
    let all = [&["list", "--json"], arguments].concat();
    let output = run(operator(stack), stack.data_dir(), &all);
    assert!(output.status.success(), "{output:?}");
    text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

pub(super) async fn messages(jetstream: &Context, stream: &str) -> u64 {
    jetstream.get_stream(stream).await.unwrap().cached_info().state.messages
}

pub(super) async fn publish(jetstream: &Context, subject: &str, headers: HeaderMap, body: Vec<u8>) {
    let sent = jetstream.publish_with_headers(subject.to_owned(), headers, body.into()).await.unwrap();
    sent.await.unwrap_or_else(|error| panic!("INTAKE does not take {subject}: {error}"));
}

/// A token that is taken.
async fn token(stack: &Stack, room: &str) -> String {
    let created = stack.api().post("/api/session", &json!({"room": room, "username": "Ana"})).await.expect(201);
    stack.api().get(&format!("/api/session/{}", created.str("id"))).await.expect(200).str("token").to_owned()
}

fn registration(id: &str, token: &str) -> Vec<u8> {
    json!({"sessionId": id, "token": token}).to_string().into_bytes()
}

/// What can never work, of a registration, and the headers that it comes with.
fn poison(token: &str) -> Vec<(HeaderMap, Vec<u8>)> {
    let mut picky = HeaderMap::new();
    // A sender may make sure of the stream; burying must not ask the same of DEAD.
    picky.insert("Nats-Expected-Stream", "INTAKE");
    picky.insert("X-Access-Token", token);
    let mut large = b"not json but large ".to_vec();
    large.resize(JUST_UNDER, b'x');
    let mut many = HeaderMap::new();
    many.insert("X-Much", "y".repeat(MOST_HEADERS));
    let bodies = [
        json!("a text alone").to_string().into_bytes(),
        json!(LOOKS_LIKE_A_TOKEN).to_string().into_bytes(),
        json!({"sessionId": "dead-types", "token": 5}).to_string().into_bytes(),
        json!({"sessionId": "dead-types", "token": token, "ttl": LOOKS_LIKE_A_TOKEN}).to_string().into_bytes(),
        json!({"version": 99, "registration": {"sessionId": "dead-version", "token": token}}).to_string().into_bytes(),
        vec![0xff, 0xfe, 0x00],
    ];
    let plain = bodies.into_iter().map(|body| (HeaderMap::new(), body));
    plain.chain([(picky, b"{".to_vec()), (HeaderMap::new(), large), (many, b"{}".to_vec())]).collect()
}

async fn poison_is_buried_and_its_neighbours_live(stack: &Stack, jetstream: &Context, token: &str) -> usize {
    let poison = poison(token);
    let count = poison.len();
    for (n, (headers, body)) in poison.into_iter().enumerate() {
        publish(jetstream, "cmd.token.register", headers, body).await;
        let good = registration(&format!("neighbour-{n:03}"), token);
        publish(jetstream, "cmd.token.register", HeaderMap::new(), good).await;
    }
    eventually("INTAKE is empty", async || messages(jetstream, "INTAKE").await == 0).await;
    assert_eq!(messages(jetstream, "DEAD").await, count as u64);
    for n in 0..count {
        stack.api().get(&format!("/api/session/neighbour-{n:03}")).await.expect(200);
    }
    count
}

async fn an_operator_sees_why_and_no_token(stack: &Stack, count: usize, token: &str) {
    let letters = listed(stack, &[]);
    assert_eq!(letters.len(), count);
    for (letter, seq) in letters.iter().zip(1..) {
        assert_eq!((letter["seq"].as_u64(), letter["attempts"].as_u64()), (Some(seq), Some(1)), "{letter}");
        assert_eq!(letter["subject"], "cmd.token.register");
        assert!(!letter["reason"].as_str().unwrap().is_empty(), "{letter}");
        assert!(letter["buriedAt"].as_str().unwrap().parse::<jiff::Timestamp>().is_ok(), "{letter}");
    }
    assert_eq!(listed(stack, &["--limit", "2"]).len(), 2);
    assert_eq!(listed(stack, &["--subject", "in.livekit.*"]).len(), 0);
    let table = dead(stack, 0, &["list"]);
    assert_eq!(table.lines().count(), count + 1, "{table}");
    let mut shown = table;
    for seq in 1..=count {
        let seq = seq.to_string();
        shown.push_str(&dead(stack, 0, &["show", &seq]));
        shown.push_str(&dead(stack, 0, &["show", &seq, "--json"]));
    }
    for secret in [token, LOOKS_LIKE_A_TOKEN, "eyJ"] {
        assert!(!shown.contains(secret), "it shows {secret}");
    }
    assert!(dead(stack, 0, &["show", "2", "--reveal"]).contains(LOOKS_LIKE_A_TOKEN));
    let asked: Value = serde_json::from_str(&dead(stack, 0, &["show", "7", "--json"])).unwrap();
    assert!(asked["headers"]["X-Access-Token"][0].as_str().unwrap().starts_with("sha256:"), "{asked}");
    assert_eq!(asked["headers"].as_object().unwrap().len(), 1, "{asked}");
    let cut: Value = serde_json::from_str(&dead(stack, 0, &["show", "8", "--json"])).unwrap();
    assert_eq!(cut["cutFromBytes"], JUST_UNDER, "{cut}");
    assert!(dead(stack, 1, &["redrive", "8"]).contains("only the beginning"), "half a message is none");
}

/// What is as bad as before comes back, and nothing is lost on the way.
async fn delivered_again_it_is_buried_again(stack: &Stack, jetstream: &Context) {
    let before = messages(jetstream, "DEAD").await;
    assert!(dead(stack, 0, &["redrive", "1"]).contains("cmd.token.register"));
    eventually("it is buried again", async || {
        messages(jetstream, "INTAKE").await == 0 && messages(jetstream, "DEAD").await == before
    })
    .await;
    assert!(dead(stack, 1, &["show", "1"]).contains("no such message"));
    let last = listed(stack, &[]).pop().unwrap()["seq"].to_string();
    let again: Value = serde_json::from_str(&dead(stack, 0, &["show", &last, "--json", "--reveal"])).unwrap();
    assert_eq!((&again["body"], &again["headers"]), (&json!("a text alone"), &json!({})));
}

async fn dropped_it_is_gone(stack: &Stack, jetstream: &Context) {
    assert!(dead(stack, 2, &["drop", "2"]).contains("--yes"), "nobody is there to be asked");
    let before = messages(jetstream, "DEAD").await;
    let said = dead(stack, 1, &["drop", "2", "99999", "3", "--yes"]);
    assert!(
        said.contains("2: dropped") && said.contains("3: dropped") && said.contains("99999: there is no"),
        "{said}"
    );
    assert_eq!(messages(jetstream, "DEAD").await, before - 2);
}

/// The same over HTTP, for a console.
async fn a_console_sees_and_minds_them(stack: &Stack, jetstream: &Context) {
    let keeper = stack.api().with_secret(stack.secret());
    let shown = keeper.get("/api/dead?limit=3").await.expect(200);
    let first = shown.body[0]["seq"].as_u64().unwrap();
    assert_eq!(shown.body.as_array().unwrap().len(), 3);
    assert!(
        shown
            .body
            .as_array()
            .unwrap()
            .iter()
            .all(|letter| letter["reason"].as_str().is_some_and(|why| !why.is_empty()))
    );
    assert!(!shown.body.to_string().contains(LOOKS_LIKE_A_TOKEN));
    let before = messages(jetstream, "DEAD").await;
    keeper.delete(&format!("/api/dead/{first}")).await.expect(204);
    assert_eq!(messages(jetstream, "DEAD").await, before - 1);
    keeper.delete(&format!("/api/dead/{first}")).await.problem(404, "dead_not_found");
    let next = shown.body[1]["seq"].as_u64().unwrap();
    keeper.post_empty(&format!("/api/dead/{next}/redrive")).await.expect(204);
    eventually("it is buried again", async || messages(jetstream, "DEAD").await == before - 1).await;
    for none in ["0", "99999", "x", "-1", "01", "99999999999999999999"] {
        keeper.post_empty(&format!("/api/dead/{none}/redrive")).await.problem(404, "dead_not_found");
    }
}

async fn dead_letters(stack: &Stack) {
    let jetstream = jetstream::new(stack.admin().await);
    assert!(dead(stack, 0, &["list"]).contains("no dead letters"));
    let token = token(stack, "poison").await;
    let count = poison_is_buried_and_its_neighbours_live(stack, &jetstream, &token).await;
    an_operator_sees_why_and_no_token(stack, count, &token).await;
    delivered_again_it_is_buried_again(stack, &jetstream).await;
    dropped_it_is_gone(stack, &jetstream).await;
    a_console_sees_and_minds_them(stack, &jetstream).await;
    let processes = stack.edges.iter().chain(&stack.workers);
    let leak = processes.flat_map(avanzacast_tests::Process::logs).find(|line| line.contains(LOOKS_LIKE_A_TOKEN));
    assert_eq!(leak, None);
}

on_both_databases!(dead_letters);

/// A bug that no test of ours knows yet, as it were.
const BUG: &str = "CREATE FUNCTION bug() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN IF NEW.room = 'poison' THEN RAISE EXCEPTION 'poisoned'; END IF; RETURN NEW; END $$;
    CREATE TRIGGER bug BEFORE INSERT ON session FOR EACH ROW EXECUTE FUNCTION bug()";

/// A stack with registrations that lie in DEAD, and would work by now.
async fn mended(count: usize) -> (Stack, Context, Stream) {
    let stack = Stack::postgres(StackOptions::default()).await;
    let jetstream = jetstream::new(stack.admin().await);
    let token = token(&stack, "poison").await;
    stack.sql(BUG);
    for n in 0..count {
        let mut headers = HeaderMap::new();
        headers.insert("X-Sender", "token-server-3");
        headers.insert("Nats-Msg-Id", format!("first-{n}"));
        publish(&jetstream, "cmd.token.register", headers, registration(&format!("patient-{n:02}"), &token)).await;
    }
    eventually("all are buried", async || messages(&jetstream, "DEAD").await == count as u64).await;
    stack.sql("DROP TRIGGER bug ON session");
    let intake = jetstream.get_stream("INTAKE").await.unwrap();
    (stack, jetstream, intake)
}

async fn works(stack: &Stack, id: &str) {
    eventually("the registration works", async || stack.api().get(&format!("/api/session/{id}")).await.status == 200)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_become_good_works_when_delivered_again() {
    require!(Postgres::available());
    let (stack, jetstream, intake) = mended(3).await;
    dead(&stack, 0, &["redrive", "2"]);
    works(&stack, "patient-01").await;
    stack.api().get("/api/session/patient-00").await.expect(404);
    // Asked to take it while nobody can apply it: what is delivered has the sender's headers, and an id of its own.
    eventually("INTAKE is empty", async || messages(&jetstream, "INTAKE").await == 0).await;
    stack.workers[0].pause();
    dead(&stack, 0, &["redrive", "--all"]);
    assert_eq!(messages(&jetstream, "DEAD").await, 0);
    let last = jetstream.get_stream("INTAKE").await.unwrap().cached_info().state.last_sequence;
    let message = intake.get_raw_message(last).await.unwrap();
    let header = |name: &str| message.headers.get(name).map(|value| value.as_str().to_owned());
    assert_eq!(
        (header("X-Sender").as_deref(), header("Dead-Reason"), header("Dead-Attempts")),
        (Some("token-server-3"), None, None)
    );
    assert!(header("Nats-Msg-Id").is_some_and(|id| id.starts_with("dead-3-")), "{message:?}");
    stack.workers[0].resume();
    works(&stack, "patient-00").await;
    works(&stack, "patient-02").await;
    assert_eq!(stack.count("SELECT count(*) FROM session WHERE origin = 'external'"), 3);
    assert!(dead(&stack, 1, &["redrive", "2"]).contains("no such message"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_try_after_a_lost_acknowledgement_is_no_second_message() {
    require!(Postgres::available());
    let (stack, jetstream, _) = mended(1).await;
    stack.workers[0].pause();
    // The first try got so far: its message is there, and nobody heard of it.
    let letter = jetstream.get_stream("DEAD").await.unwrap().get_raw_message(1).await.unwrap();
    let mut headers = HeaderMap::new();
    headers.insert("Nats-Msg-Id", format!("dead-1-{}", letter.time.unix_timestamp_nanos()));
    publish(&jetstream, "cmd.token.register", headers, letter.payload.to_vec()).await;
    let waiting = messages(&jetstream, "INTAKE").await;
    assert!(dead(&stack, 0, &["redrive", "1"]).contains("before"));
    assert_eq!((messages(&jetstream, "INTAKE").await, messages(&jetstream, "DEAD").await), (waiting, 0));
    stack.workers[0].resume();
    works(&stack, "patient-00").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_taken_stays() {
    require!(Postgres::available());
    let (stack, jetstream, _) = mended(2).await;
    stack.nats.as_ref().unwrap().delete_stream("INTAKE").await;
    let said = dead(&stack, 1, &["redrive", "--all"]);
    assert!(said.contains("1: stays in DEAD") && said.contains("2: stays in DEAD"), "{said}");
    assert_eq!(messages(&jetstream, "DEAD").await, 2);
    stack.provision();
    dead(&stack, 0, &["redrive", "1", "2"]);
    works(&stack, "patient-00").await;
    works(&stack, "patient-01").await;
    assert_eq!(messages(&jetstream, "DEAD").await, 0);
}

#[test]
fn usage_and_configuration_are_checked() {
    let folder = tempfile::tempdir().unwrap();
    let try_it = |env: &[(&str, &str)], arguments: &[&str]| {
        let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let output = run(env, folder.path(), arguments);
        (output.status.code(), text(&output.stdout) + &text(&output.stderr))
    };
    for wrong in [
        &[][..],
        &["redrive"],
        &["redrive", "1", "--all"],
        &["show"],
        &["show", "x"],
        &["drop"],
        &["list", "--limit", "x"],
    ] {
        assert_eq!(try_it(&[], wrong).0, Some(2), "{wrong:?}");
    }
    let (code, said) = try_it(&[], &["list"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("NATS_URL is required") && said.contains("NATS_ADMIN_PASSWORD is required"), "{said}");
    let (code, said) =
        try_it(&[("NATS_URL", "nats://127.0.0.1:9"), ("NATS_ADMIN_PASSWORD", "pw-not-shown")], &["list"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("127.0.0.1:9") && !said.contains("pw-not-shown"), "{said}");
    for help in [&["--help"][..], &["list", "--help"], &["show", "--help"], &["redrive", "--help"], &["drop", "--help"]]
    {
        let (code, said) = try_it(&[], help);
        assert!(code == Some(0) && said.contains("Usage: avanzacast dead"), "{help:?}: {said}");
    }
    // A silent server is not waited for.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("nats://{}", silent.local_addr().unwrap());
    let start = std::time::Instant::now();
    assert_eq!(try_it(&[("NATS_URL", &url), ("NATS_ADMIN_PASSWORD", "x")], &["list"]).0, Some(1));
    assert!(start.elapsed() < Duration::from_secs(20));
}
