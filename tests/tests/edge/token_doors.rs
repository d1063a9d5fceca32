//! The other ways to a token: registered by another server, without a session, at once for a server, as LiveKit's own
//! clients and LiveKit Meet ask for it.

use avanzacast_schemas::SessionId;
use avanzacast_tests::{Api, Stack, on_both_databases, payload};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

/// Another minter's key, so that in development mode too tokens are checked.
const FRIEND: (&str, &str) = ("APIfriend", "friend-friend-friend-friend-friend");

fn claims(more: Value) -> Value {
    let now = jiff::Timestamp::now().as_second();
    let mut claims = json!({"iss": FRIEND.0, "sub": "guest-7", "name": "Luz", "exp": now + 600, "nbf": now - 5,
        "video": {"room": "theirs", "roomJoin": true}});
    claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    claims
}

fn sign(claims: &Value, algorithm: Algorithm, secret: &str) -> String {
    encode(&Header::new(algorithm), claims, &EncodingKey::from_secret(secret.as_bytes())).unwrap()
}

fn token(more: Value) -> String {
    sign(&claims(more), Algorithm::HS256, FRIEND.1)
}

fn kinds(stack: &Stack, id: &str) -> Vec<String> {
    let participant = SessionId::try_from(id.to_owned()).unwrap().participant();
    let events = stack.events_of(participant.as_str());
    events.iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect()
}

/// Registered means applied: when the answer is there, so is the session.
async fn a_registration_is_a_session_when_it_is_answered(stack: &Stack, server: &Api) {
    let token = token(json!({}));
    let body = json!({"sessionId": "reg-1", "token": token, "room": "theirs", "username": "Luz", "createdBy": 7});
    let made = server.post("/api/tokens", &body).await.expect(201);
    assert_eq!((made.str("id"), made.int("ttlSeconds")), ("reg-1", 300));
    assert_eq!(made.header("location"), Some("/api/session/reg-1"));
    assert!(made.str("studioUrl").ends_with("/studio/reg-1") && made.str("redirectUrl").ends_with("/panel/reg-1"));
    let again = server.post("/api/tokens", &body).await.expect(200);
    assert_eq!(again.body, made.body);
    let other = json!({"sessionId": "reg-1", "token": self::token(json!({"exp": 4_000_000_000_i64}))});
    server.post("/api/tokens", &other).await.problem(409, "session_exists");
    let seen = stack.api().get("/api/session/reg-1").await.expect(200);
    assert_eq!((seen.str("token"), seen.str("username"), seen.str("room")), (token.as_str(), "Luz", "theirs"));
    assert_eq!(kinds(stack, "reg-1"), ["token.registered"], "who is refused is answered, and no event");
}

async fn twenty_at_once_are_one_session(stack: &Stack, server: &Api) {
    let tokens: Vec<String> = (0..20).map(|n| token(json!({"sub": format!("guest-{n}")}))).collect();
    let bodies: Vec<Value> = tokens.iter().map(|token| json!({"sessionId": "reg-race", "token": token})).collect();
    let answers = futures::future::join_all(bodies.iter().map(|body| server.post("/api/tokens", body))).await;
    let won: Vec<usize> = answers.iter().enumerate().filter(|(_, a)| a.status == 201).map(|(n, _)| n).collect();
    assert_eq!(won.len(), 1, "{:?}", answers.iter().map(|answer| answer.status).collect::<Vec<_>>());
    assert!(
        answers
            .into_iter()
            .enumerate()
            .all(|(n, answer)| n == won[0] || answer.problem(409, "session_exists").status == 409)
    );
    assert_eq!(stack.api().get("/api/session/reg-race").await.expect(200).str("token"), tokens[won[0]]);
}

async fn a_registration_says_what_its_token_says(stack: &Stack, server: &Api) {
    let good = token(json!({}));
    let mut eternal = claims(json!({}));
    eternal.as_object_mut().unwrap().remove("exp");
    let now = jiff::Timestamp::now().as_second();
    let long = token(json!({"metadata": "x".repeat(20_000)}));
    let part = |value: Value| data_encoding::BASE64URL_NOPAD.encode(value.to_string().as_bytes());
    let unsigned = format!("{}.{}.", part(json!({"alg": "none", "typ": "JWT"})), part(claims(json!({}))));
    let bad = [
        json!({"token": sign(&claims(json!({})), Algorithm::HS512, FRIEND.1)}),
        json!({"token": sign(&claims(json!({})), Algorithm::HS256, "x".repeat(40).as_str())}),
        json!({"token": sign(&eternal, Algorithm::HS256, FRIEND.1)}),
        json!({"token": unsigned}),
        json!({"token": token(json!({"iss": "APIstranger"}))}),
        json!({"token": token(json!({"exp": now - 1}))}),
        json!({"token": token(json!({"nbf": now + 600}))}),
        json!({"token": token(json!({"video": {"room": "theirs"}}))}),
        json!({"token": token(json!({"video": {"roomJoin": true}}))}),
        json!({"token": token(json!({"video": {"roomJoin": true, "room": "*"}}))}),
        json!({"token": token(json!({"sub": ""}))}),
        json!({"token": good.replace('.', "..")}),
        json!({"token": "jwt.."}),
        json!({"token": ""}),
        json!({"token": good, "room": "another"}),
        json!({"token": good, "username": "Another"}),
    ];
    for (n, mut body) in bad.into_iter().enumerate() {
        let id = format!("reg-bad-{n}");
        body["sessionId"] = json!(id);
        let refused = server.post("/api/tokens", &body).await.problem(400, "token_invalid");
        let sent = body["token"].as_str().unwrap();
        assert!(sent.is_empty() || !refused.text.contains(sent), "a token is not echoed");
        assert!(kinds(stack, &id).is_empty(), "a flood of them would fill the ledger");
    }
    for body in [
        json!({"token": good}),
        json!({"sessionId": "x", "token": good}),
        json!({"sessionId": "reg-9", "token": good, "ttl": 0}),
        json!({"sessionId": "reg-9", "token": good, "createdBy": "me"}),
        json!({"sessionId": "reg-9", "token": good, "singleUse": "yes"}),
    ] {
        server.post("/api/tokens", &body).await.problem(400, "malformed");
    }
    let greedy = json!({"sessionId": "reg-9", "token": good, "ttl": 86_401});
    server.post("/api/tokens", &greedy).await.problem(400, "ttl_out_of_range");
    let answer = server.post("/api/tokens", &json!({"sessionId": "reg-long", "token": long})).await;
    assert_eq!(answer.expect(201).int("ttlSeconds"), 300, "20 KB of metadata are LiveKit's business");
    let short = json!({"sessionId": "reg-short", "token": token(json!({"exp": now + 60})), "ttl": 3_600});
    let left = server.post("/api/tokens", &short).await.expect(201).int("ttlSeconds");
    assert!((50..=60).contains(&left), "no longer than its token: {left}");
}

/// A registered link is redeemed once, and shows its token to nobody else.
async fn a_registered_link_is_redeemed_once(stack: &Stack, server: &Api) {
    let token = token(json!({}));
    let body = json!({"sessionId": "reg-link", "token": token, "singleUse": true});
    server.post("/api/tokens", &body).await.expect(201);
    let seen = stack.api().get("/api/session/reg-link").await.expect(200);
    assert!(seen.body.get("token").is_none() && !seen.text.contains(&token));
    let consumed = stack.api().post_empty("/api/session/reg-link/consume").await.expect(200);
    assert_eq!((consumed.str("token"), consumed.str("participant_token")), (token.as_str(), token.as_str()));
    stack.api().post_empty("/api/session/reg-link/consume").await.problem(409, "session_consumed");
}

async fn a_token_without_a_session_is_minted_and_recorded(stack: &Stack) {
    let api = stack.api();
    let before = stack.ledger().len();
    let issued = api.get("/api/token?room=Sala%201&username=Ana%20Mar%C3%ADa").await.expect(200);
    assert_eq!(issued.header("cache-control"), Some("no-store"));
    assert_eq!((issued.str("room"), issued.str("username"), issued.int("ttlSeconds")), ("Sala 1", "Ana María", 300));
    assert_eq!(payload(issued.str("token"))["sub"], "Ana María");
    let lines = stack.ledger();
    assert_eq!(lines.len(), before + 1);
    let line = lines.last().unwrap();
    assert!(line.contains(r#""type":"token.issued""#) && !line.contains("María") && !line.contains("eyJ"), "{line}");
    // A link preview asks by HEAD; it must not mint.
    api.raw("HEAD", "/api/token?room=a&username=b", &[], "").await.expect(405);
    for query in
        ["", "?room=a", "?room=&username=b", "?room=a&username=", "?room=a&username=p_x", "?room=a&room=b&username=c"]
    {
        api.get(&format!("/api/token{query}")).await.problem(400, "malformed");
    }
    api.get("/api/token?room=broadcast-1&username=b").await.problem(403, "room_reserved");
    assert_eq!(stack.ledger().len(), before + 1);
}

async fn a_server_gets_session_and_token_at_once(stack: &Stack, server: &Api) {
    let body = json!({"room": "inner", "username": "Eva", "role": "host"});
    let keyed = server.clone().with("idempotency-key", "0123456789abcdef");
    let made = keyed.post("/api/internal/session", &body).await.expect(201);
    assert_eq!(keyed.post("/api/internal/session", &body).await.expect(201).body, made.body, "the same, token and all");
    let seen = stack.api().get(&format!("/api/session/{}", made.str("id"))).await.expect(200);
    assert_eq!((seen.str("token"), seen.str("url")), (made.str("token"), made.str("url")));
    let link = json!({"room": "inner", "username": "Eva", "singleUse": true});
    let link = server.post("/api/internal/session", &link).await.expect(201);
    assert!(link.body.get("token").is_none(), "no token exists before the consume");
    let other = json!({"room": "other", "username": "Eva", "role": "host"});
    keyed.post("/api/internal/session", &other).await.problem(422, "idempotency_key_reused");
}

async fn livekits_own_clients_are_served(server: &Api) {
    let source = server.post("/api/livekit/token", &json!({"room_name": "lk", "participant_name": "Al"})).await;
    let source = source.expect(201);
    assert_eq!(payload(source.str("participant_token"))["name"], "Al");
    assert!(source.str("server_url").starts_with("ws"));
    server.post("/api/livekit/token", &json!({})).await.expect(201);
    server.post("/api/livekit/token", &json!({"room_config": {"agents": []}})).await.expect(201);
    for body in [
        json!({"participant_identity": "al-1"}),
        json!({"participant_attributes": {"role": "host"}}),
        json!({"room_name": ""}),
        json!({"room_config": {"agents": [{"agent_name": "a"}]}}),
    ] {
        let refused = server.post("/api/livekit/token", &body).await.problem(400, "malformed");
        assert!(!refused.text.contains("token\":"), "no member that a client could take for a token");
    }
    let meet = "/api/connection-details?roomName=meet&participantName=Bo&metadata=&region=eu";
    let details = server.get(meet).await.expect(200);
    assert_eq!((details.str("roomName"), details.str("participantName")), ("meet", "Bo"));
    assert_eq!(payload(details.str("participantToken"))["name"], "Bo");
    server.get("/api/connection-details?roomName=meet").await.problem(400, "malformed");
}

async fn doors(stack: &Stack) {
    let server = stack.api().with_secret(stack.secret());
    a_registration_is_a_session_when_it_is_answered(stack, &server).await;
    twenty_at_once_are_one_session(stack, &server).await;
    a_registration_says_what_its_token_says(stack, &server).await;
    a_registered_link_is_redeemed_once(stack, &server).await;
    a_token_without_a_session_is_minted_and_recorded(stack).await;
    a_server_gets_session_and_token_at_once(stack, &server).await;
    livekits_own_clients_are_served(&server).await;
}

on_both_databases!(doors, [("LIVEKIT_KEYS", "APIfriend: friend-friend-friend-friend-friend"), ("MEET_COMPAT", "1")]);

/// In development mode without a LiveKit key any text is kept for a token, so that a frontend can be tried with none.
#[tokio::test]
async fn in_development_any_text_is_kept_for_a_token() {
    let nothing_configured = vec![("BACKEND_REGISTER_SECRET".to_owned(), String::new())];
    let stack = Stack::sqlite_with(nothing_configured).await;
    let api = stack.api();
    let body = json!({"sessionId": "readme-1", "token": "jwt..", "room": "demo", "username": "Ana", "ttl": 300});
    api.post("/api/tokens", &body).await.expect(201);
    assert_eq!(api.get("/api/session/readme-1").await.expect(200).str("token"), "jwt..");
    api.post("/api/tokens", &json!({"sessionId": "readme-2", "token": "anything"})).await.expect(201);
    api.post("/api/tokens", &json!({"sessionId": "readme-3", "token": " "})).await.problem(400, "token_invalid");
    let forged = sign(&claims(json!({"iss": "devkey"})), Algorithm::HS256, "not the secret");
    api.post("/api/tokens", &json!({"sessionId": "readme-4", "token": forged})).await.problem(400, "token_invalid");
    api.get("/api/connection-details?roomName=a&participantName=b").await.problem(404, "not_found");
}
