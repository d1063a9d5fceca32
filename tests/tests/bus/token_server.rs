//! The token-server: a minter beside the backend, whose tokens let in, with the backend there or away.

use std::time::{Duration, Instant};

use avanzacast_schemas::SessionId;
use avanzacast_tests::{
    Answer, Api, LiveStudio, Nats, Postgres, RegisterProgram, Stack, StackOptions, TokenServer, eventually, kept,
    on_both_databases, pairs, payload, require,
};
use serde_json::{Value, json};

/// The deadline of 5 s, and a little for the machine.
const PATIENCE: Duration = Duration::from_millis(7_000);

/// How long a connection may be kept that asks nothing, and what a busy machine adds.
const SILENCE: Duration = Duration::from_secs(11);

fn wanted() -> Value {
    json!({"room": "Sala ñ 1", "identity": "guest-7", "name": "José 🎥", "ttl": 600})
}

fn kinds(stack: &Stack, id: &str) -> Vec<String> {
    let participant = SessionId::try_from(id.to_owned()).unwrap().participant();
    let events = stack.events_of(participant.as_str());
    events.iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect()
}

async fn fate(api: &Api, minted: &Answer) -> Answer {
    let question = json!({"sessionId": minted.str("sessionId"), "token": minted.str("token")});
    api.post("/registration", &question).await
}

/// The fate, once it is known.
async fn known(api: &Api, minted: &Answer) -> Answer {
    let is_known = async || fate(api, minted).await.expect(200).str("state") != "unknown";
    eventually("the registration is applied", is_known).await;
    fate(api, minted).await
}

/// The session as the edge shows it.
async fn session(stack: &Stack, minted: &Answer) -> Answer {
    let path = format!("/api/session/{}", minted.str("sessionId"));
    eventually("it is a session", async || stack.api().get(&path).await.status == 200).await;
    stack.api().get(&path).await
}

async fn a_token_of_it_joins_a_session(stack: &Stack, server: &TokenServer) {
    let minted = server.api().post("/token", &wanted()).await.expect(201);
    server.process.forbid_in_logs(minted.str("token"));
    assert_eq!(minted.header("cache-control"), Some("no-store"));
    let id = minted.str("sessionId");
    let seen = session(stack, &minted).await;
    assert_eq!((seen.str("token"), seen.str("room")), (minted.str("token"), "Sala ñ 1"));
    assert_eq!((seen.str("username"), seen.int("ttlSeconds")), ("José 🎥", 600));
    assert_eq!(minted.int("ttlSeconds"), 600);
    assert_eq!(minted.str("studioUrl"), format!("http://backend.test/studio/{id}"));
    assert_eq!(minted.str("redirectUrl"), format!("http://backend.test/panel/{id}"));
    let known = known(&server.api(), &minted).await;
    assert_eq!(known.body, json!({"state": "active", "studioUrl": minted.str("studioUrl")}));
    let claims = payload(minted.str("token"));
    assert_eq!((&claims["iss"], &claims["sub"]), (&json!(stack.signing_key().0), &json!("guest-7")));
    assert!(claims["video"].get("roomAdmin").is_none() && claims["video"].get("roomCreate").is_none(), "{claims}");
    let end: jiff::Timestamp = minted.str("expiresAt").parse().unwrap();
    assert_eq!(claims["exp"], end.as_second(), "it says when the token ends");
    assert_eq!(kinds(stack, id), ["token.registered"]);
}

async fn little_is_enough(stack: &Stack, server: &TokenServer) {
    let minted = server.api().post("/token", &json!({"room": "demo", "identity": "ana"})).await.expect(201);
    let seen = session(stack, &minted).await;
    assert_eq!((seen.str("username"), seen.int("ttlSeconds")), ("ana", 300));
    // The backend's own affair, not a minter's.
    let reserved = json!({"room": "broadcast-1", "identity": "ana", "more": 1, "name": null});
    session(stack, &server.api().post("/token", &reserved).await.expect(201)).await;
}

/// Refused before anything is signed or published.
async fn what_is_wrong_is_said(server: &TokenServer) {
    let with = |member: &str, value: Value| {
        let mut body = wanted();
        body[member] = value;
        body
    };
    let long = "é".repeat(129);
    for (member, values) in [
        ("room", vec![json!(""), json!(" "), json!("*"), json!(long), json!("a\u{7}"), json!(1), json!(null)]),
        ("identity", vec![json!(""), json!(long), json!("a\nb"), json!("p_x"), json!({})]),
        ("name", vec![json!(""), json!(long), json!(["x"])]),
        ("ttl", vec![json!(0), json!(-1), json!(1.5), json!("300"), json!(4_294_967_296_u64)]),
    ] {
        for value in values {
            server.api().post("/token", &with(member, value)).await.problem(400, "malformed");
        }
    }
    server.api().post("/token", &with("ttl", json!(86_401))).await.problem(400, "ttl_out_of_range");
    for ttl in [1, 86_400] {
        server.api().post("/token", &with("ttl", json!(ttl))).await.expect(201);
    }
    let json = [("content-type", "application/json")];
    for body in ["", "{", "null", "[]", r#"["demo","ana"]"#, "\u{feff}{}", "{\"room\":\"demo\"}", "{}{}"] {
        server.api().raw("POST", "/token", &json, body).await.problem(400, "malformed");
        server.api().raw("POST", "/registration", &json, body).await.problem(400, "malformed");
    }
    server.api().raw("POST", "/token", &json, vec![0xff_u8, 0xfe]).await.problem(400, "malformed");
    server.api().raw("POST", "/token", &json, "[".repeat(60_000)).await.problem(400, "malformed");
    server.api().raw("POST", "/token", &[], "{}").await.problem(415, "unsupported_media_type");
    for size in [65_537, 200_000, 3_000_000] {
        for path in ["/token", "/registration"] {
            server.api().raw("POST", path, &json, " ".repeat(size)).await.problem(413, "payload_too_large");
        }
    }
    server.api().get("/token").await.problem(405, "method_not_allowed");
    server.api().get("/").await.problem(404, "not_found");
    server.stranger().get("/livez").await.expect(200);
    server.stranger().get("/readyz").await.expect(200);
}

async fn only_who_shows_the_secret_gets_in(stack: &Stack, server: &TokenServer) {
    let before = stack.ledger().len();
    let stranger = server.stranger();
    let challenge = stranger.post("/token", &wanted()).await.problem(401, "credential_required");
    assert!(challenge.header("www-authenticate").is_some_and(|challenge| challenge.starts_with("Bearer")));
    stranger.post("/registration", &json!({})).await.problem(401, "credential_required");
    // Not even what it sends is read.
    stranger.raw("POST", "/token", &[("content-type", "x/y")], "?").await.problem(401, "credential_required");
    for shown in ["Bearer x", "Bearer ", "bearer  ", stack.secret()] {
        let code = if shown.contains(' ') { "credential_invalid" } else { "credential_required" };
        let answer = stranger.clone().with("authorization", shown).post("/token", &wanted()).await;
        // A client may cut the blank off, and then there is no credential at all.
        let code = if shown.trim().contains(' ') { code } else { "credential_required" };
        answer.problem(401, code);
    }
    stranger.with("authorization", "Basic eDp5").post("/token", &wanted()).await.problem(401, "credential_required");
    assert_eq!(stack.ledger().len(), before);
}

async fn it_serves(stack: &Stack) {
    let server = TokenServer::start(stack);
    a_token_of_it_joins_a_session(stack, &server).await;
    little_is_enough(stack, &server).await;
    what_is_wrong_is_said(&server).await;
    only_who_shows_the_secret_gets_in(stack, &server).await;
    assert!(server.process.terminate().success());
}

on_both_databases!(it_serves);

/// Both examples, as the README shows them: what they print is a session.
async fn examples(stack: &Stack) {
    for program in [RegisterProgram::Python, RegisterProgram::Node] {
        require!(program.available());
        let printed = program.run(stack, "Sala ñ 1", "José").unwrap();
        assert_eq!(printed["state"], "active", "{program:?}: {printed}");
        let id = printed["sessionId"].as_str().unwrap();
        assert_eq!(printed["studioUrl"], format!("http://backend.test/studio/{id}"));
        let seen = stack.api().get(&format!("/api/session/{id}")).await.expect(200);
        assert_eq!((seen.str("room"), seen.str("username")), ("Sala ñ 1", "José"));
        assert_eq!(seen.str("token"), printed["token"]);
        assert_eq!(kinds(stack, id), ["token.registered"]);
    }
}

on_both_databases!(examples);

/// What the examples publish is safe, and they ask until somebody answers.
#[tokio::test(flavor = "multi_thread")]
async fn the_examples_wait_for_a_backend_that_is_away() {
    require!(Postgres::available());
    let stack = Stack::postgres(StackOptions { edges: 0, workers: 0, studios: 0, ..Default::default() }).await;
    for program in [RegisterProgram::Python, RegisterProgram::Node] {
        require!(program.available());
        let printed = std::thread::scope(|scope| {
            let running = scope.spawn(|| program.run(&stack, "demo", "José"));
            std::thread::sleep(Duration::from_secs(8));
            assert!(!running.is_finished(), "{program:?} does not wait");
            let worker = stack.start_worker();
            worker.wait_for_log("ready");
            (running.join().unwrap().unwrap(), worker)
        });
        assert_eq!(printed.0["state"], "active", "{program:?}: {}", printed.0);
        printed.1.terminate();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn its_token_opens_a_real_livekits_door() {
    require!(LiveStudio::available_with_postgres());
    let studio = LiveStudio::postgres(true, &[]).await;
    let server = TokenServer::start(&studio.stack);
    let minted = server.api().post("/token", &wanted()).await.expect(201);
    let person = studio.join(&session(&studio.stack, &minted).await);
    assert_eq!((person.identity(), person.name(), person.room()), ("guest-7", "José 🎥", "Sala ñ 1"));
    assert_eq!(person.permissions()["canPublish"], json!(true));
    let checked = studio.api().post("/api/session/validate", &json!({"token": minted.str("token")})).await.expect(200);
    assert_eq!(checked.body["valid"], true, "{checked:#?}");
}

/// Ends everything but the bus.
fn leave_alone(stack: &mut Stack) {
    for process in stack.edges.drain(..).chain(stack.workers.drain(..)).chain(stack.studios.drain(..)) {
        process.kill9();
    }
}

fn come_back(stack: &mut Stack) {
    stack.workers.push(stack.start_worker());
    stack.edges.push(stack.start_edge());
    stack.workers.iter().for_each(|worker| drop(worker.wait_for_log("ready")));
    stack.edges.iter().for_each(|edge| drop(edge.wait_for_log("listening")));
}

/// Promise 2, where nobody but the bus is there to promise: what it answered 201 becomes a session.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn it_mints_while_the_backend_is_away() {
    require!(Postgres::available());
    let mut stack = Stack::postgres(StackOptions::default()).await;
    leave_alone(&mut stack);
    let server = TokenServer::start(&stack);
    let mut minted = Vec::new();
    for n in 0..50 {
        let body = json!({"room": "away", "identity": format!("guest-{n}")});
        minted.push(server.api().post("/token", &body).await.expect(201));
    }
    let short = json!({"room": "away", "identity": "too-late", "ttl": 1});
    let late = server.api().post("/token", &short).await.expect(201);
    server.stranger().get("/readyz").await.expect(200);
    let asked = Instant::now();
    let nobody = fate(&server.api(), &minted[0]).await.problem(503, "bus_unavailable");
    assert!(nobody.header("retry-after").is_some() && asked.elapsed() < PATIENCE, "{:?}", asked.elapsed());
    let end: jiff::Timestamp = late.str("expiresAt").parse().unwrap();
    eventually("the short one ends", async || jiff::Timestamp::now() > end).await;
    assert_eq!(stack.sql("SELECT count(*) FROM ledger"), "0");

    come_back(&mut stack);
    for minted in &minted {
        assert_eq!(known(&server.api(), minted).await.str("state"), "active");
        assert_eq!(session(&stack, minted).await.str("token"), minted.str("token"));
    }
    let refused = known(&server.api(), &late).await;
    assert_eq!(refused.body, json!({"state": "refused", "code": "token_invalid"}));
    let path = format!("/api/session/{}", late.str("sessionId"));
    stack.api().get(&path).await.problem(404, "session_not_found");
    assert_eq!(kinds(&stack, late.str("sessionId")), ["token.refused"]);
    assert_eq!(stack.count("SELECT count(*) FROM ledger"), minted.len() + 1, "one event each");
}

/// With the bus away it says so, in time; with the bus back it needs nobody's help.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn without_the_bus_it_says_so_and_recovers() {
    require!(Postgres::available());
    let stack = Stack::postgres(StackOptions::default()).await;
    let server = TokenServer::start(&stack);
    let nats = stack.nats.as_ref().unwrap();
    server.api().post("/token", &wanted()).await.expect(201);
    assert_away(&server, || nats.kill(), || nats.start_again()).await;
    // Hung, not gone: its connections stay open.
    assert_away(&server, || nats.pause(), || nats.resume()).await;

    // A short absence is not noticed.
    nats.kill();
    let api = server.api();
    let asked = tokio::spawn(async move { api.post("/token", &wanted()).await });
    tokio::time::sleep(Duration::from_millis(500)).await;
    nats.start_again();
    let minted = asked.await.unwrap().expect(201);
    assert_eq!(known(&server.api(), &minted).await.str("state"), "active");
}

async fn assert_away(server: &TokenServer, leave: impl FnOnce(), come_back: impl FnOnce()) {
    leave();
    let asked = Instant::now();
    let refused = server.api().post("/token", &wanted()).await.problem(503, "bus_unavailable");
    assert!(asked.elapsed() < PATIENCE, "{:?}", asked.elapsed());
    assert_eq!(refused.header("retry-after"), Some("1"));
    server.stranger().get("/livez").await.expect(200);
    come_back();
    eventually("it is ready again", async || server.stranger().get("/readyz").await.status == 200).await;
    eventually("it works again", async || server.api().post("/token", &wanted()).await.status == 201).await;
}

/// It starts before its bus does, and nobody is told a token meanwhile.
#[tokio::test]
async fn it_starts_before_the_bus() {
    require!(Nats::available());
    let stack = Stack::sqlite().await;
    let server = TokenServer::start_with(&stack, &[("NATS_URL", "nats://127.0.0.1:9")]);
    server.stranger().get("/readyz").await.problem(503, "bus_unavailable");
    let refused = server.api().post("/token", &wanted()).await.problem(503, "bus_unavailable");
    assert!(refused.body.get("token").is_none() && refused.header("retry-after").is_some());
}

#[tokio::test]
async fn a_connection_that_does_not_ask_is_closed() {
    require!(Nats::available());
    let stack = Stack::sqlite().await;
    let server = TokenServer::start(&stack);
    let address = server.process.addr();
    let half = b"GET /livez HTTP/1.1\r\nhost: x\r\nx-more: ".as_slice();
    let whole = b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\nGET /liv".as_slice();
    let silent = tokio::join!(kept(address, b""), kept(address, half), kept(address, whole));
    assert!(silent.2.1.starts_with(b"HTTP/1.1 200 OK"), "the first request is answered");
    for (time, what) in [(silent.0.0, "nothing"), (silent.1.0, "half a request"), (silent.2.0, "half a second one")] {
        assert!(time < SILENCE, "{what}: kept for {time:?}");
    }
}

/// Configured wrongly it does not start, and lists every mistake at once, without a secret in it.
#[test]
fn mistakes_are_listed_at_once() {
    let wrong = pairs([("PORT", "many"), ("LIVEKIT_KEYS", "APIx-hush"), ("PUBLIC_URL", "backend.test")]);
    let process = TokenServer::program().envs(wrong).start();
    assert_eq!(process.wait().code(), Some(2));
    let said = process.logs().join("\n");
    let names = ["NATS_URL", "NATS_TOKEN_SERVER_PASSWORD", "PORT", "LIVEKIT_KEYS", "PUBLIC_URL", "TOKEN_SERVER_SECRET"];
    for name in names {
        assert!(said.contains(name), "{name}: {said}");
    }
    assert!(!said.contains("hush"), "{said}");
}

/// In development anybody on this machine may mint, with LiveKit's own key.
#[tokio::test]
async fn in_development_no_secret_is_needed() {
    require!(Nats::available());
    let stack = Stack::sqlite().await;
    let env = [("AVANZACAST_DEV", "1"), ("TOKEN_SERVER_SECRET", ""), ("LIVEKIT_KEYS", ""), ("HOST", "")];
    let server = TokenServer::start_with(&stack, &env);
    assert!(server.process.addr().ip().is_loopback());
    let minted = server.stranger().post("/token", &wanted()).await.expect(201);
    assert_eq!(session(&stack, &minted).await.str("token"), minted.str("token"));
    // A page whose name somebody had lead here.
    let page = server.stranger().with("host", "evil.example");
    page.post("/token", &wanted()).await.problem(421, "host_not_allowed");
}
