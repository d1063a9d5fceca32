//! Tokens that other servers minted, published into INTAKE and forgotten by their sender: what is acked is done once,
//! or stands in DEAD with the reason.

use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::jetstream::{self, Context};
use avanzacast_schemas::SessionId;
use avanzacast_tests::{Answer, Api, Stack, on_both_databases};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

/// Redelivery included.
const LIMIT: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(50);

/// A minter of somebody else's, whose tokens we are told to take.
const FRIEND: &str = "APIfriend: friend-friend-friend-friend-friend";

struct Outsider<'a> {
    stack: &'a Stack,
    api: Api,
    jetstream: Context,
}

impl Outsider<'_> {
    async fn publish(&self, headers: HeaderMap, body: impl Into<Vec<u8>>) {
        let sent = self.jetstream.publish_with_headers("cmd.token.register", headers, body.into().into());
        sent.await.unwrap().await.expect("INTAKE takes it");
    }

    async fn register(&self, id: &str, token: &str) {
        self.publish(HeaderMap::new(), json!({"sessionId": id, "token": token}).to_string()).await;
    }

    fn claims(&self, more: Value) -> Value {
        let exp = jiff::Timestamp::now().as_second() + 600;
        let mut claims = json!({"iss": self.stack.signing_key().0, "sub": "guest-7", "name": "Luz", "exp": exp,
            "nbf": 0, "video": {"room": "foreign", "roomJoin": true}});
        claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        claims
    }

    fn mint(&self, more: Value) -> String {
        self.sign(&self.claims(more), Algorithm::HS256, self.stack.signing_key().1)
    }

    fn sign(&self, claims: &Value, algorithm: Algorithm, secret: &str) -> String {
        encode(&Header::new(algorithm), claims, &EncodingKey::from_secret(secret.as_bytes())).unwrap()
    }

    /// The session, once it is there.
    async fn session(&self, id: &str) -> Answer {
        let deadline = Instant::now() + LIMIT;
        loop {
            let answer = self.api.get(&format!("/api/session/{id}")).await;
            if answer.status != 404 || Instant::now() > deadline {
                return answer.expect(200);
            }
            sleep(POLL).await;
        }
    }

    /// The types of the events about it, once there are `count`, and a moment later.
    async fn kinds(&self, id: &str, count: usize) -> Vec<String> {
        let participant = SessionId::try_from(id.to_owned()).unwrap().participant();
        let deadline = Instant::now() + LIMIT;
        while self.stack.events_of(participant.as_str()).len() < count && Instant::now() < deadline {
            sleep(POLL).await;
        }
        let events = self.stack.events_of(participant.as_str());
        events.iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect()
    }

    /// INTAKE is a work queue: what was settled is gone.
    async fn settled(&self) {
        let deadline = Instant::now() + LIMIT;
        loop {
            let left = self.jetstream.get_stream("INTAKE").await.unwrap().cached_info().state.messages;
            if left == 0 {
                return;
            }
            assert!(Instant::now() < deadline, "{left} messages are left in INTAKE");
            sleep(POLL).await;
        }
    }
}

async fn a_valid_token_becomes_a_session_once(out: &Outsider<'_>) {
    let token = out.mint(json!({"metadata": "kept"}));
    out.register("foreign-1", &token).await;
    let seen = out.session("foreign-1").await;
    assert_eq!((seen.str("token"), seen.str("room"), seen.str("username")), (token.as_str(), "foreign", "Luz"));
    assert_eq!((seen.int("ttlSeconds"), seen.str("url")), (300, "ws://127.0.0.1:9"));
    for _ in 0..3 {
        out.register("foreign-1", &token).await;
    }
    out.settled().await;
    assert_eq!(out.kinds("foreign-1", 1).await, ["token.registered"], "the same again is nothing new");

    out.register("foreign-1", &out.mint(json!({"sub": "guest-8"}))).await;
    assert_eq!(out.kinds("foreign-1", 2).await, ["token.registered", "token.refused"]);
    assert_eq!(out.session("foreign-1").await.str("token"), token);

    let winner = out.api.clone().with("x-session-resume", &"k".repeat(40));
    for _ in 0..2 {
        let consumed = winner.post_empty("/api/session/foreign-1/consume").await.expect(200);
        assert_eq!(consumed.str("token"), token, "it cannot be signed anew, so it is given again");
    }
    out.api.post_empty("/api/session/foreign-1/consume").await.problem(409, "session_consumed");
    out.register("foreign-1", &token).await;
    out.settled().await;
    out.api.get("/api/session/foreign-1").await.problem(410, "session_consumed");
    assert_eq!(out.kinds("foreign-1", 3).await, ["token.registered", "token.refused", "session.consumed"]);
}

/// The events about a foreign token name nobody, and show nothing that opens a door.
async fn the_ledger_keeps_no_foreign_token(out: &Outsider<'_>) {
    let token = out.mint(json!({"sub": "maria@example.test", "name": "María", "jti": "maria-laptop"}));
    out.register("foreign-quiet", &token).await;
    out.session("foreign-quiet").await;
    let participant = SessionId::try_from("foreign-quiet".to_owned()).unwrap().participant();
    let event = out.stack.events_of(participant.as_str()).remove(0);
    assert_eq!(event.pointer("/data/origin"), Some(&json!("external")));
    assert_eq!(event.pointer("/data/actor"), Some(&json!({"kind": "bus", "name": out.stack.signing_key().0})));
    assert!(event.pointer("/data/identityHash").is_some() && event.pointer("/data/nameHash").is_some());
    let text = event.to_string();
    for secret in [token.as_str(), "foreign-quiet", "maria", "María"] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}

async fn another_minters_token_is_taken_by_its_own_key(out: &Outsider<'_>) {
    let secret = FRIEND.split(": ").last().unwrap();
    let token = out.sign(&out.claims(json!({"iss": "APIfriend"})), Algorithm::HS256, secret);
    out.register("foreign-friend", &token).await;
    assert_eq!(out.session("foreign-friend").await.str("token"), token);
    let forged = out.mint(json!({"iss": "APIfriend"}));
    out.register("bad-friend", &forged).await;
    assert_eq!(out.kinds("bad-friend", 1).await, ["token.refused"], "signed by us in another's name");
}

async fn a_token_that_is_not_valid_is_refused(out: &Outsider<'_>) {
    let (secret, past) = (out.stack.signing_key().1, jiff::Timestamp::now().as_second() - 61);
    let mut eternal = out.claims(json!({}));
    eternal.as_object_mut().unwrap().remove("exp");
    let good = out.mint(json!({}));
    let unsigned = {
        let part = |value: Value| data_encoding::BASE64URL_NOPAD.encode(value.to_string().as_bytes());
        format!("{}.{}.", part(json!({"alg": "none", "typ": "JWT"})), part(out.claims(json!({}))))
    };
    let bad = [
        ("forged", out.sign(&out.claims(json!({})), Algorithm::HS256, &"x".repeat(40))),
        ("expired", out.mint(json!({"exp": past, "nbf": past - 600}))),
        ("eternal", out.sign(&eternal, Algorithm::HS256, secret)),
        ("hs512", out.sign(&out.claims(json!({})), Algorithm::HS512, secret)),
        ("unsigned", unsigned),
        ("stranger", out.mint(json!({"iss": "APIstranger"}))),
        ("early", out.mint(json!({"nbf": past + 600}))),
        ("no-room", out.mint(json!({"video": {"roomJoin": true}}))),
        ("no-join", out.mint(json!({"video": {"room": "foreign"}}))),
        ("cut", good[..good.len() - 2].to_owned()),
        ("no-jwt", "hello".to_owned()),
        ("empty", String::new()),
    ];
    for (id, token) in &bad {
        out.register(&format!("bad-{id}"), token).await;
    }
    for (id, _) in &bad {
        let id = format!("bad-{id}");
        assert_eq!(out.kinds(&id, 1).await, ["token.refused"], "{id}");
        out.api.get(&format!("/api/session/{id}")).await.problem(404, "session_not_found");
    }
}

/// One bad message hurts neither its batch nor its neighbours, and is not lost.
async fn what_can_never_work_is_buried_and_its_neighbours_live(out: &Outsider<'_>) {
    let mut headers = HeaderMap::new();
    headers.insert("X-Sender", "token-server-3");
    let bad = ["not json", r#"{"sessionId":"x","token":"t"}"#, r#"{"token":"t"}"#, "null", ""];
    let mut burst = Vec::new();
    for n in 0..50 {
        let body =
            json!({"sessionId": format!("burst-{n:02}"), "token": out.mint(json!({"sub": format!("guest-{n}")}))});
        burst.push((HeaderMap::new(), body.to_string()));
        if n % 10 == 5 {
            burst.push((headers.clone(), bad[n / 10].to_owned()));
        }
    }
    let mut acks = Vec::new();
    for (headers, body) in burst {
        acks.push(out.jetstream.publish_with_headers("cmd.token.register", headers, body.into()).await.unwrap());
    }
    for ack in acks {
        ack.await.expect("INTAKE takes it");
    }
    for n in 0..50 {
        assert_eq!(out.session(&format!("burst-{n:02}")).await.str("username"), "Luz");
    }
    out.settled().await;
    let dead = out.jetstream.get_stream("DEAD").await.unwrap();
    assert_eq!(dead.cached_info().state.messages, 5);
    let mut buried = Vec::new();
    for sequence in 1..=5 {
        let message = dead.get_raw_message(sequence).await.unwrap();
        let header = |name: &str| message.headers.get(name).map(|value| value.as_str().to_owned());
        assert_eq!(message.subject.as_str(), "dead.cmd.token.register");
        assert!(header("Dead-Reason").is_some_and(|reason| !reason.is_empty()), "{message:?}");
        assert_eq!(header("Dead-Attempts").as_deref(), Some("1"));
        assert_eq!(header("X-Sender").as_deref(), Some("token-server-3"), "the original headers are kept");
        buried.push(String::from_utf8(message.payload.to_vec()).unwrap());
    }
    buried.sort();
    let mut sent = bad.map(str::to_owned);
    sent.sort();
    assert_eq!(buried, sent, "byte for byte");
}

async fn intake(stack: &Stack) {
    let out = Outsider { stack, api: stack.api(), jetstream: jetstream::new(stack.admin().await) };
    a_valid_token_becomes_a_session_once(&out).await;
    the_ledger_keeps_no_foreign_token(&out).await;
    another_minters_token_is_taken_by_its_own_key(&out).await;
    a_token_that_is_not_valid_is_refused(&out).await;
    what_can_never_work_is_buried_and_its_neighbours_live(&out).await;
}

on_both_databases!(intake, [("LIVEKIT_KEYS", super::FRIEND)]);
