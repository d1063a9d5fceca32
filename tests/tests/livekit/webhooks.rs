//! LiveKit's webhooks at the edge: what LiveKit signed is stored once before it is answered, nothing else ever is.

use async_nats::jetstream;
use avanzacast_tests::{Api, LiveKitKey, Postgres, Stack, StackOptions, pairs, require};
use futures::future::join_all;
use jsonwebtoken::Algorithm;
use serde_json::{Value, json};

const MIB: usize = 1024 * 1024;

/// A backend, and LiveKit's key to it.
async fn backend(options: StackOptions) -> (Stack, LiveKitKey) {
    let stack = Stack::postgres(options).await;
    let (name, secret) = stack.livekit();
    let key = LiveKitKey::new(name, secret);
    (stack, key)
}

fn webhook(id: &str, event: &str) -> Value {
    json!({"event": event, "id": id, "createdAt": "1770000000",
        "room": {"sid": "RM_x", "name": "demo", "emptyTimeout": 300, "creationTime": "1769999999",
            "turnPassword": "hunter2-hunter2", "enabledCodecs": [{"mime": "video/VP8"}]},
        "participant": {"sid": "PA_x", "identity": "p_x", "joinedAt": "1769999999", "name": "Ana"}})
}

async fn what_livekit_did_not_sign_is_refused_and_not_stored(stack: &Stack, key: &LiveKitKey) {
    let api = stack.api();
    let before = stack.taken_in().await;
    let body = webhook("EV_forged", "participant_joined").to_string();
    let (good, claims) = (key.sign_webhook(body.as_bytes()), key.webhook_claims(body.as_bytes()));
    let with = |name: &str, value: Value| {
        let mut claims = claims.clone();
        claims[name] = value;
        key.sign(&claims)
    };
    let now = claims["nbf"].as_i64().unwrap();
    let thief = LiveKitKey::new(key.name(), &"x".repeat(40));
    let refused = [
        ("another secret", thief.sign(&claims)),
        ("an unknown key", LiveKitKey::random().sign_webhook(body.as_bytes())),
        ("another body's", key.sign_webhook(b"{}")),
        ("expired", with("exp", json!(now - 61))),
        ("endless", with("exp", Value::Null)),
        ("of the future", with("nbf", json!(now + 90))),
        ("a participant's token", key.token("p_x", "demo")),
        ("Bearer", format!("Bearer {good}")),
        ("not signed", LiveKitKey::unsigned(&claims)),
        ("another algorithm", key.sign_as(Algorithm::HS512, &claims)),
        ("no token", "hunter2".to_owned()),
        ("empty", String::new()),
        ("long", format!("{good}{}", "A".repeat(8192))),
    ];
    for (why, authorization) in &refused {
        let answer = api.webhook(authorization, body.clone()).await;
        assert_eq!(answer.status, 401, "{why}: {answer:?}");
        let answer = answer.problem(401, "credential_invalid");
        let echoed = !authorization.is_empty() && answer.text.contains(authorization);
        assert!(!echoed && !answer.text.contains("hunter2-hunter2"), "{why}: {}", answer.text);
    }
    let changed = body.replace("demo", "Demo");
    api.webhook(&good, changed).await.problem(401, "credential_invalid");
    api.raw("POST", "/api/livekit/webhook", &[], body.clone()).await.problem(401, "credential_required");
    // Our own secret is no signature of LiveKit's.
    let keeper = api.clone().with_secret(stack.secret());
    keeper.raw("POST", "/api/livekit/webhook", &[], body.clone()).await.problem(401, "credential_required");
    assert_eq!(stack.taken_in().await, before);

    // The same with nothing wrong.
    let answer = api.webhook(&good, body).await.expect(200);
    assert_eq!((answer.text.as_str(), answer.header("cache-control")), ("", Some("no-store")));
    assert_eq!(stack.taken_in().await, before + 1);
}

async fn only_picked_fields_are_stored_and_a_copy_is_no_second_one(stack: &Stack, key: &LiveKitKey) {
    let trace = "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01";
    let api = stack.api().with("traceparent", trace);
    let before = stack.taken_in().await;
    let mut body = webhook("EV_once", "participant_left");
    body["participant"]["disconnectReason"] = json!("A_REASON_OF_THE_FUTURE");
    body["participant"]["state"] = json!("A_STATE_OF_THE_FUTURE");
    body["fieldOfTheFuture"] = json!({"a": [1, null]});
    let body = body.to_string();
    let posts = (0..20).map(|_| api.signed_webhook(key, body.clone()));
    for answer in join_all(posts).await {
        answer.expect(200);
    }
    assert_eq!(stack.taken_in().await, before + 1, "LiveKit may send it again, and it is one");
    let stored = stack.stored().await.pop().unwrap();
    assert_eq!((stored.subject.as_str(), stored.id.as_str()), ("in.livekit.participant_left", "EV_once"));
    assert!(stored.trace.starts_with("00-0123456789abcdef0123456789abcdef-"), "{}", stored.trace);
    let wanted = json!({"id": "EV_once", "kind": "participant_left", "createdAt": 1_770_000_000,
        "room": {"sid": "RM_x", "name": "demo"},
        "participant": {"sid": "PA_x", "identity": "p_x", "joinedAt": 1_769_999_999,
            "disconnectReason": "A_REASON_OF_THE_FUTURE"}});
    assert_eq!(stored.body, wanted);
}

async fn what_is_not_kept_is_answered_and_what_cannot_be_read_is_said(stack: &Stack, key: &LiveKitKey) {
    let api = stack.api();
    let before = stack.taken_in().await;
    for event in ["track_published", "egress_started", "a_kind_of_the_future"] {
        api.signed_webhook(key, webhook("EV_passed", event).to_string()).await.expect(200);
    }
    for body in ["", "null", "[]", "{}", "no JSON", "{\"event\": \"room_started\"}"] {
        api.signed_webhook(key, body).await.problem(400, "malformed");
    }
    let authorization = key.sign_webhook(b"{}");
    let twice = [("authorization", authorization.as_str()), ("authorization", authorization.as_str())];
    api.raw("POST", "/api/livekit/webhook", &twice, "{}").await.problem(400, "malformed");
    assert_eq!(stack.taken_in().await, before);
    // Whatever it is called.
    let body = webhook("EV_plain", "room_started").to_string();
    let headers = [("content-type", "text/plain"), ("authorization", &key.sign_webhook(body.as_bytes()))];
    api.raw("POST", "/api/livekit/webhook", &headers, body).await.expect(200);
    assert_eq!(stack.taken_in().await, before + 1);
}

/// A participant's metadata may be half a MiB.
async fn a_large_body_is_taken_and_a_larger_one_is_not(stack: &Stack, key: &LiveKitKey) {
    let api = stack.api();
    let of = |id: &str, bytes: usize| {
        let mut body = webhook(id, "participant_joined");
        let missing = bytes - body.to_string().len() - r#","metadata":"""#.len();
        body["participant"]["metadata"] = json!("x".repeat(missing));
        let body = body.to_string();
        assert_eq!(body.len(), bytes);
        body
    };
    let before = stack.taken_in().await;
    api.signed_webhook(key, of("EV_large", MIB)).await.expect(200);
    api.signed_webhook(key, of("EV_larger", MIB + 1)).await.problem(413, "payload_too_large");
    let stored = stack.stored().await.pop().unwrap();
    assert_eq!((stored.id.as_str(), stack.taken_in().await), ("EV_large", before + 1));
    assert!(stored.body.to_string().len() < 300, "not the metadata");
}

/// Full, or not there: LiveKit is asked to come again, and nothing is said to be safe that is not.
async fn what_cannot_be_stored_is_not_said_to_be(stack: &Stack, key: &LiveKitKey) {
    let api = stack.api();
    let jetstream = jetstream::new(stack.admin().await);
    let open = stack.stream("INTAKE").await.cached_info().config.clone();
    let messages = stack.stored().await.len();
    let full = jetstream::stream::Config { max_messages: i64::try_from(messages).unwrap(), ..open.clone() };
    jetstream.update_stream(full).await.unwrap();
    let body = webhook("EV_late", "room_finished").to_string();
    let refused = api.signed_webhook(key, body.clone()).await.problem(503, "bus_unavailable");
    assert!(refused.header("retry-after").is_some());
    jetstream.update_stream(open).await.unwrap();
    api.signed_webhook(key, body).await.expect(200);
    assert_eq!(stack.stored().await.pop().unwrap().id, "EV_late");

    stack.nats.as_ref().unwrap().delete_stream("INTAKE").await;
    let body = webhook("EV_nowhere", "room_finished").to_string();
    api.signed_webhook(key, body.clone()).await.problem(503, "bus_unavailable");
    stack.provision();
    api.signed_webhook(key, body).await.expect(200);
    assert_eq!(stack.stored().await.pop().unwrap().id, "EV_nowhere");
}

#[tokio::test]
async fn what_livekit_signed_is_stored_once_and_nothing_else_is() {
    require!(Postgres::available());
    let options = StackOptions { env: pairs([("RATE_LIMIT_UNKNOWN_PER_MINUTE", "0")]), ..Default::default() };
    let (stack, key) = backend(options).await;
    for process in stack.edges.iter().chain(&stack.workers) {
        process.forbid_in_logs("hunter2-hunter2");
    }
    what_livekit_did_not_sign_is_refused_and_not_stored(&stack, &key).await;
    only_picked_fields_are_stored_and_a_copy_is_no_second_one(&stack, &key).await;
    what_is_not_kept_is_answered_and_what_cannot_be_read_is_said(&stack, &key).await;
    a_large_body_is_taken_and_a_larger_one_is_not(&stack, &key).await;
    what_cannot_be_stored_is_not_said_to_be(&stack, &key).await;
}

/// The database is not asked, and several workers share the work; without any, LiveKit is asked to come again.
#[tokio::test]
async fn without_a_database_it_is_stored_and_without_a_worker_it_is_asked_for_again() {
    require!(Postgres::available());
    let options = StackOptions { proxy_database: true, workers: 2, ..Default::default() };
    let (stack, key) = backend(options).await;
    let api = stack.api();
    stack.database_proxy.as_ref().unwrap().cut();
    for number in 0..20 {
        api.signed_webhook(&key, webhook(&format!("EV_{number}"), "room_started").to_string()).await.expect(200);
    }
    assert_eq!(stack.taken_in().await, 20);
    stack.database_proxy.as_ref().unwrap().heal();

    stack.workers[0].kill9();
    let body = webhook("EV_other", "room_started").to_string();
    api.signed_webhook(&key, body).await.expect(200);
    stack.workers[1].kill9();
    let body = webhook("EV_later", "room_started").to_string();
    let away = api.signed_webhook(&key, body.clone()).await;
    let away = if away.status == 504 { away.problem(504, "no_answer") } else { away.problem(503, "bus_unavailable") };
    assert!(away.status == 504 || away.header("retry-after").is_some());
    // Once the bus has noticed that nobody is there, it says so.
    let refused = api.signed_webhook(&key, body).await.problem(503, "bus_unavailable");
    assert!(refused.header("retry-after").is_some());
    assert_eq!(stack.taken_in().await, 21);
}

#[tokio::test]
async fn livekit_is_never_limited_and_who_guesses_signatures_is() {
    let env = pairs([
        ("TRUSTED_PROXIES", "127.0.0.0/8"),
        ("RATE_LIMIT_PER_MINUTE", "5"),
        ("RATE_LIMIT_UNKNOWN_PER_MINUTE", "3"),
    ]);
    let stack = Stack::sqlite_with(env).await;
    let (name, secret) = stack.signing_key();
    let key = LiveKitKey::new(name, secret);
    let from = |address: &str| -> Api { stack.api().with("x-forwarded-for", address) };
    let (livekit, guesser) = (from("192.0.2.1"), from("192.0.2.2"));
    for number in 0..30 {
        let body = webhook(&format!("EV_{number}"), "room_finished").to_string();
        livekit.signed_webhook(&key, body).await.expect(200);
    }
    let body = webhook("EV_guess", "room_finished").to_string();
    for _ in 0..3 {
        guesser.signed_webhook(&LiveKitKey::random(), body.clone()).await.problem(401, "credential_invalid");
    }
    let refused = guesser.signed_webhook(&LiveKitKey::random(), body.clone()).await.problem(429, "rate_limited");
    assert!(refused.header("retry-after").is_some());
    // A right guess is not told from a wrong one.
    guesser.signed_webhook(&key, body.clone()).await.problem(429, "rate_limited");
    livekit.signed_webhook(&key, body.clone()).await.expect(200);
    // A browser at LiveKit's address that looks for sessions, or asks too often, is no reason to turn LiveKit away.
    for _ in 0..3 {
        livekit.get("/api/session/guess").await.problem(404, "session_not_found");
    }
    livekit.get("/api/session/guess").await.problem(429, "rate_limited");
    livekit.get("/api/broadcasts").await.expect(200);
    livekit.get("/api/broadcasts").await.problem(429, "rate_limited");
    let nothing = livekit.raw("POST", "/api/livekit/webhook", &[], "{}").await;
    nothing.problem(429, "rate_limited");
    livekit.signed_webhook(&key, body).await.expect(200);
}
