//! Tokens are what LiveKit takes: judged by its own server SDKs, for every way in which one is handed out.

use std::time::{SystemTime, UNIX_EPOCH};

use avanzacast_schemas::SessionId;
use avanzacast_tests::{
    Answer, Stack, livekit_node_available, livekit_node_verify, livekit_python_available, livekit_python_verify,
    on_both_databases, payload, require,
};
use serde_json::{Value, json};

const NAME: &str = "José «日本» 🎥 \"quoted\" \\";
const ROOM: &str = "Sala ñ 1";
/// How far the machine's clock may be read before and after the product did.
const SLACK_S: i64 = 30;

fn now_s() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap()
}

fn participant(answer: &Answer) -> String {
    SessionId::try_from(answer.str("id").to_owned()).unwrap().participant().as_str().to_owned()
}

/// Both SDKs accept it, refuse it under another secret, and read what it should say.
fn judge(stack: &Stack, answer: &Answer, publishes: bool, lives_s: i64) -> Value {
    let ((key, secret), token) = (stack.signing_key(), answer.str("token"));
    let claims = livekit_node_verify(token, key, secret).unwrap();
    assert_eq!(claims, payload(token), "the SDK reads what is there");
    let members: Vec<&String> = claims.as_object().unwrap().keys().collect();
    assert_eq!(members, ["exp", "iss", "jti", "name", "nbf", "sub", "video"], "no aud, nothing else");
    assert_eq!((claims["iss"].as_str(), claims["name"].as_str()), (Some(key), Some(NAME)));
    assert_eq!(claims["sub"], json!(participant(answer)));
    assert_ne!(claims["sub"], json!(answer.str("id")), "the id opens the door, so it is never shown");
    let video = json!({"room": ROOM, "roomJoin": true, "canPublish": publishes, "canSubscribe": true,
        "canPublishData": publishes});
    assert_eq!(claims["video"], video);
    let (nbf, exp) = (claims["nbf"].as_i64().unwrap(), claims["exp"].as_i64().unwrap());
    assert!((1..=SLACK_S).contains(&(now_s() - nbf)), "nbf is a few seconds back, never 0: {nbf}");
    assert!((lives_s..=lives_s + SLACK_S).contains(&(exp - nbf)), "{nbf} to {exp}");
    assert!(claims["jti"].as_str().is_some_and(|jti| jti.len() == 36), "{claims}");

    let seen = livekit_python_verify(token, key, secret).unwrap();
    assert_eq!((seen["identity"].as_str(), seen["name"].as_str()), (claims["sub"].as_str(), Some(NAME)));
    assert_eq!(seen.pointer("/video/can_publish"), Some(&json!(publishes)));
    claims
}

async fn tokens_that_livekit_takes(stack: &Stack) {
    require!(livekit_node_available());
    require!(livekit_python_available());
    let api = stack.api();
    let plain = api.post("/api/session", &json!({"room": ROOM, "username": NAME, "ttl": 77})).await.expect(201);
    let path = format!("/api/session/{}", plain.str("id"));
    let seen = api.get(&path).await.expect(200);
    let claims = judge(stack, &seen, true, 77);
    assert_eq!(api.get(&path).await.expect(200).str("token"), seen.str("token"), "one token, byte for byte");
    let refusal = livekit_node_verify(seen.str("token"), stack.signing_key().0, &"x".repeat(40)).unwrap_err();
    assert!(refusal.contains("signature"), "{refusal}");

    let viewer = json!({"room": ROOM, "username": NAME, "role": "viewer", "ttl": 78});
    let viewer = api.post("/api/session", &viewer).await.expect(201);
    judge(stack, &api.get(&format!("/api/session/{}", viewer.str("id"))).await.expect(200), false, 78);

    let link = json!({"room": ROOM, "username": NAME, "singleUse": true});
    let link = api.post("/api/session", &link).await.expect(201);
    let consume = format!("/api/session/{}/consume", link.str("id"));
    let winner = api.clone().with("x-session-resume", &"k".repeat(32));
    let first = judge(stack, &winner.post_empty(&consume).await.expect(200), true, 120);
    let again = judge(stack, &winner.post_empty(&consume).await.expect(200), true, 120);
    assert_eq!(first["sub"], again["sub"]);
    let ids = [&claims["jti"], &first["jti"], &again["jti"]];
    assert!(ids[0] != ids[1] && ids[1] != ids[2], "every token has an id of its own: {ids:?}");

    // A resume of a plain session is short too, however long its first token was.
    let winner = api.with("x-session-resume", &"k".repeat(32));
    assert_eq!(winner.post_empty(&format!("{path}/consume")).await.expect(200).str("token"), seen.str("token"));
    judge(stack, &winner.post_empty(&format!("{path}/consume")).await.expect(200), true, 120);
}

on_both_databases!(tokens_that_livekit_takes, [("TOKEN_TTL_SECONDS", "120")]);
