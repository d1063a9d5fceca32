//! LiveKit that is slow, ill, somebody else, or gone: the caller hears which, soon, and the token goes nowhere else.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use avanzacast_tests::{Api, Asked, FakeLiveKit, LiveKitKey, Mood, Stack};
use futures::future::join_all;
use serde_json::{Value, json};

/// LiveKit is given 3 s, and a busy machine a little more.
const SLOWEST: Duration = Duration::from_secs(4);
const SOON: Duration = Duration::from_secs(1);

/// A backend whose LiveKit is not what it should be.
struct Ill {
    stack: Stack,
    livekit: FakeLiveKit,
    key: LiveKitKey,
}

impl Ill {
    async fn start() -> Self {
        let livekit = FakeLiveKit::start(Mood::Success);
        let stack = Stack::sqlite_with(livekit.environment()).await;
        let (key, secret) = stack.signing_key();
        let key = LiveKitKey::new(key, secret);
        Self { stack, livekit, key }
    }

    /// A good token that no process may log.
    fn token(&self) -> String {
        let token = self.key.token("guest-7", "foreign");
        self.stack.edges.iter().for_each(|up| up.forbid_in_logs(&token));
        token
    }

    fn api(&self) -> Api {
        self.stack.api()
    }

    /// What it was asked about tokens; the room worker asks who is where, of its own accord.
    fn asked(&self) -> Vec<Asked> {
        self.livekit.take_asked().into_iter().filter(|asked| !asked.path.starts_with("/twirp/")).collect()
    }
}

fn body(token: &str) -> Value {
    json!({ "token": token })
}

async fn the_token_travels_in_one_header_and_nowhere_else(ill: &Ill) {
    let token = ill.token();
    let answer = ill.api().post("/api/session/validate", &body(&token)).await.expect(200);
    let checks = json!({"signature": "ok", "expiry": "ok", "session": "unknown", "livekit": "ok"});
    assert_eq!(answer.body, json!({"valid": true, "checks": checks}));
    let asked = ill.asked();
    assert_eq!(asked.len(), 1, "{asked:?}");
    let asked = &asked[0];
    assert_eq!((asked.path.as_str(), asked.query.as_str()), ("/rtc/validate", ""));
    assert_eq!(asked.authorization.as_deref(), Some(format!("Bearer {token}").as_str()));
    assert_eq!(asked.head.matches(token.as_str()).count(), 1, "{}", asked.head);
    assert!(asked.head.contains(&format!("{}", ill.livekit.addr())), "asked by its own name: {}", asked.head);
}

/// Whatever a token or its bearer says: only the configured LiveKit is dialled.
async fn nothing_in_a_request_names_whom_to_ask(ill: &Ill) {
    let other = FakeLiveKit::start(Mood::Success);
    let elsewhere = format!("http://{}", other.addr());
    let names = [
        ("sub", json!(elsewhere)),
        ("aud", json!(elsewhere)),
        ("metadata", json!(json!({"url": elsewhere}).to_string())),
        ("serverUrl", json!(elsewhere)),
        ("video", json!({"room": format!("{elsewhere}/rtc"), "roomJoin": true})),
        ("video", json!({"room": format!("@{}/", other.addr()), "roomJoin": true})),
        ("video", json!({"room": "a\r\nHost: evil.test", "roomJoin": true})),
        ("name", json!(format!("\r\nHost: {}", other.addr()))),
    ];
    for (claim, value) in names {
        let mut claims = ill.key.claims("guest-7", json!({"room": "foreign", "roomJoin": true}));
        claims[claim] = value;
        let mut asked = body(&ill.key.sign(&claims));
        for member in ["url", "serverUrl", "server_url", "livekitUrl", "host"] {
            asked[member] = json!(elsewhere);
        }
        let api = ill.api().with("x-forwarded-host", &other.addr().to_string()).with("x-livekit-url", &elsewhere);
        let path = format!("/api/session/validate?url={elsewhere}&host={}", other.addr());
        api.post(&path, &asked).await.expect(200);
    }
    let asked = ill.asked();
    assert_eq!(asked.len(), 8, "{asked:?}");
    assert!(asked.iter().all(|asked| asked.path == "/rtc/validate" && asked.query.is_empty()), "{asked:?}");
    let mut foreign = ill.key.claims("guest-7", json!({"room": "foreign", "roomJoin": true}));
    foreign["iss"] = json!(elsewhere);
    let answer = ill.api().post("/api/session/validate", &body(&ill.key.sign(&foreign))).await.expect(200);
    assert_eq!(answer.str("reason"), "token_invalid");
    assert!(ill.livekit.asked().is_empty(), "what is not ours is shown to nobody");
    assert!(other.asked().is_empty(), "somebody else was asked: {:?}", other.asked());
}

/// What is known to be bad is not even shown to LiveKit.
async fn a_bad_token_is_not_shown_to_livekit(ill: &Ill) {
    let thief = LiveKitKey::new(ill.key.name(), &"x".repeat(40));
    for bad in [thief.token("guest-7", "foreign"), "hello".to_owned(), "x".repeat(20_000)] {
        let answer = ill.api().post("/api/session/validate", &body(&bad)).await.expect(200);
        assert_eq!(answer.str("reason"), "token_invalid");
        assert!(!answer.text.contains(&bad));
    }
    assert!(ill.livekit.asked().is_empty());
}

/// LiveKit's own refusal is an answer about the token; up to v1.13.5 it shows the token, and we do not.
async fn a_refusal_is_passed_on_without_the_token(ill: &Ill) {
    let no_room = Mood::Status(404, "requested room does not exist".to_owned());
    for mood in [Mood::EchoesToken, no_room, Mood::Status(401, "permissions denied".to_owned())] {
        ill.livekit.set(mood);
        let token = ill.token();
        let answer = ill.api().post("/api/session/validate", &body(&token)).await.expect(200);
        let checks = json!({"signature": "ok", "expiry": "ok", "session": "unknown", "livekit": "failed"});
        assert_eq!(answer.body, json!({"valid": false, "reason": "livekit_refused", "checks": checks}));
        assert!(!answer.text.contains(&token));
    }
}

async fn an_ill_livekit_is_502_at_once(ill: &Ill) {
    let other = FakeLiveKit::start(Mood::Success);
    let moods = [
        Mood::Status(500, "oops".to_owned()),
        Mood::Status(503, "node has exceeded its configured limit".to_owned()),
        Mood::Garbage,
        Mood::Close,
        Mood::Redirect(format!("http://{}/rtc/validate", other.addr())),
    ];
    for mood in moods {
        ill.livekit.set(mood.clone());
        let token = ill.token();
        let began = Instant::now();
        let answer = ill.api().post("/api/session/validate", &body(&token)).await;
        assert!(began.elapsed() < SOON, "{mood:?} takes {:?}", began.elapsed());
        assert_eq!(answer.status, 502, "{mood:?}: {answer:#?}");
        let answer = answer.problem(502, "livekit_failed");
        for hidden in [token.as_str(), "oops", "limit", "SMTP", &other.addr().to_string()] {
            assert!(!answer.text.contains(hidden), "{mood:?}: {hidden} in {answer:#?}");
        }
    }
    assert!(other.asked().is_empty(), "a redirect was followed: {:?}", other.asked());
}

async fn a_slow_livekit_is_504_after_three_seconds_and_slows_nobody_else(ill: &Ill) {
    ill.livekit.set(Mood::Slow(Duration::from_millis(2_000)));
    let answer = ill.api().post("/api/session/validate", &body(&ill.token())).await.expect(200);
    assert_eq!(answer.body["valid"], json!(true), "slow is not too slow");

    ill.livekit.set(Mood::Slow(Duration::from_secs(30)));
    let ask = async || {
        let began = Instant::now();
        ill.api().post("/api/session/validate", &body(&ill.token())).await.problem(504, "livekit_timeout");
        began.elapsed()
    };
    let meanwhile = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let began = Instant::now();
        let new = json!({"room": "demo", "username": "Ana"});
        ill.api().post("/api/session", &new).await.expect(201);
        began.elapsed()
    };
    let (took, meanwhile) = tokio::join!(join_all((0..50).map(|_| ask())), meanwhile);
    for took in took {
        assert!((Duration::from_secs(3)..SLOWEST).contains(&took), "{took:?}");
    }
    assert!(meanwhile < SOON, "a session took {meanwhile:?} while LiveKit was slow");

    // An answer that begins and never ends is not waited for any longer.
    ill.livekit.set(Mood::HalfAnswer);
    let began = Instant::now();
    let half = ill.api().post("/api/session/validate", &body(&ill.token())).await;
    assert!(began.elapsed() < SLOWEST, "{half:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn livekit_that_is_not_well() {
    let ill = Ill::start().await;
    the_token_travels_in_one_header_and_nowhere_else(&ill).await;
    nothing_in_a_request_names_whom_to_ask(&ill).await;
    a_bad_token_is_not_shown_to_livekit(&ill).await;
    a_refusal_is_passed_on_without_the_token(&ill).await;
    an_ill_livekit_is_502_at_once(&ill).await;
    a_slow_livekit_is_504_after_three_seconds_and_slows_nobody_else(&ill).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn livekit_that_is_gone_is_502_and_keeps_nobody_from_making_sessions() {
    let stack = {
        // A port that was somebody's a moment ago.
        let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        Stack::sqlite_with(vec![("LIVEKIT_URL".to_owned(), format!("ws://{gone}"))]).await
    };
    let (key, secret) = stack.signing_key();
    let token = LiveKitKey::new(key, secret).token("guest-7", "foreign");
    stack.edges.iter().for_each(|up| up.forbid_in_logs(&token));
    let answer = stack.api().post("/api/session/validate", &body(&token)).await.problem(502, "livekit_failed");
    assert!(!answer.text.contains(&token));
    let new = json!({"room": "demo", "username": "Ana"});
    let created = stack.api().post("/api/session", &new).await.expect(201);
    stack.api().post_empty(&format!("/api/session/{}/consume", created.str("id"))).await.expect(200);
    assert_eq!(stack.api().get("/health").await.expect(200).str("status"), "degraded");
}
