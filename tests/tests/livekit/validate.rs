//! `POST /api/session/validate` beside a real livekit-server: both look at the token, and the answer says who found
//! what.

use avanzacast_tests::{Answer, LiveKitKey, LiveStudio, require};
use jsonwebtoken::Algorithm;
use serde_json::{Value, json};

/// Signature, expiry, session, LiveKit: in that order.
type Found = [&'static str; 4];

const GOOD: Found = ["ok", "ok", "ok", "ok"];
const FORGED: Found = ["failed", "skipped", "skipped", "skipped"];
const UNTIMELY: Found = ["ok", "failed", "unknown", "skipped"];

async fn validate(studio: &LiveStudio, token: &str) -> Answer {
    let processes = studio.stack.edges.iter().chain(&studio.stack.workers);
    // The shortest of these is no word that a log may contain by chance.
    processes.filter(|_| token.len() > 20).for_each(|process| process.forbid_in_logs(token));
    let answer = studio.api().post("/api/session/validate", &json!({ "token": token })).await.expect(200);
    assert!(token.is_empty() || !answer.text.contains(token), "the token is not shown: {answer:#?}");
    answer
}

async fn expect(studio: &LiveStudio, name: &str, token: &str, reason: Option<&str>, found: Found) {
    let [signature, expiry, session, livekit] = found;
    let checks = json!({"signature": signature, "expiry": expiry, "session": session, "livekit": livekit});
    let mut wanted = json!({"valid": reason.is_none(), "checks": checks});
    if let Some(reason) = reason {
        wanted["reason"] = json!(reason);
    }
    let answer = validate(studio, token).await;
    assert_eq!(answer.body, wanted, "{name}: {answer:#?}");
}

fn room() -> Value {
    json!({"room": "demo", "roomJoin": true})
}

async fn a_good_token_is_good(studio: &LiveStudio) {
    let new = json!({"room": "demo", "username": "Ana"});
    let created = studio.api().post("/api/session", &new).await.expect(201);
    let path = format!("/api/session/{}", created.str("id"));
    let token = studio.api().get(&path).await.expect(200).str("token").to_owned();
    expect(studio, "a session's", &token, None, GOOD).await;
    studio.api().post_empty(&format!("{path}/consume")).await.expect(200);
    expect(studio, "its consumer's", &token, None, GOOD).await;
    studio.keeper().delete(&path).await.expect(204);
    expect(studio, "revoked", &token, Some("session_revoked"), ["ok", "ok", "failed", "skipped"]).await;

    let foreign = studio.key.token("guest-7", "demo");
    expect(studio, "no session's", &foreign, None, ["ok", "ok", "unknown", "ok"]).await;
    let mut large = studio.key.claims("guest-7", room());
    large["metadata"] = json!("x".repeat(15_000));
    let large = studio.key.sign(&large);
    assert!(large.len() > 20_000);
    expect(studio, "20 KB", &large, None, ["ok", "ok", "unknown", "ok"]).await;
}

async fn a_bad_token_is_bad_and_says_why(studio: &LiveStudio) {
    let now = jiff::Timestamp::now().as_second();
    let with = |claims: Value| {
        let mut all = studio.key.claims("guest-7", room());
        all.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
        all
    };
    let good = with(json!({}));
    let mut eternal = good.clone();
    eternal.as_object_mut().unwrap().remove("exp");
    let signed = studio.key.sign(&good);
    let cut = &signed[..signed.len() - 2];
    let thief = LiveKitKey::new(studio.key.name(), &"x".repeat(40));
    let bad = [
        ("expired", studio.key.sign(&with(json!({"exp": now - 61}))), "token_expired", UNTIMELY),
        ("early", studio.key.sign(&with(json!({"nbf": now + 600}))), "token_not_yet_valid", UNTIMELY),
        ("eternal", studio.key.sign(&eternal), "token_invalid", UNTIMELY),
        ("forged", thief.sign(&good), "token_invalid", FORGED),
        ("cut", cut.to_owned(), "token_invalid", FORGED),
        ("unsigned", LiveKitKey::unsigned(&good), "token_invalid", FORGED),
        ("HS512", studio.key.sign_as(Algorithm::HS512, &good), "token_invalid", FORGED),
        ("a stranger's", LiveKitKey::random().token("guest-7", "demo"), "token_invalid", FORGED),
        ("no entry", studio.key.sign(&with(json!({"video": {"room": "demo"}}))), "token_invalid", FORGED),
        ("no grant", studio.key.sign(&with(json!({"video": null}))), "token_invalid", FORGED),
        ("no JWT", "hello".to_owned(), "token_invalid", FORGED),
        ("20 KB of nothing", "x".repeat(20_000), "token_invalid", FORGED),
    ];
    for (name, token, reason, found) in bad {
        expect(studio, name, &token, Some(reason), found).await;
    }
    for body in [json!({}), json!({"token": 7}), json!({"token": null}), json!([])] {
        studio.api().post("/api/session/validate", &body).await.problem(400, "malformed");
    }
}

/// What only LiveKit knows: this token is good, and opens nothing.
async fn a_room_that_is_not_there_is_livekits_to_say(studio: &LiveStudio) {
    let token = studio.key.token("guest-7", "nowhere");
    let refused = ["ok", "ok", "unknown", "failed"];
    expect(studio, "no room", &token, Some("livekit_refused"), refused).await;
    studio.livekit.create_room(&studio.key, "nowhere").await;
    expect(studio, "a room", &token, None, ["ok", "ok", "unknown", "ok"]).await;
}

/// The caller's own credential says nothing about the token.
async fn anyone_may_ask(studio: &LiveStudio) {
    let token = studio.key.token("guest-7", "demo");
    let api = studio.api().with("authorization", "Bearer some-other-application");
    let answer = api.post("/api/session/validate", &json!({ "token": token })).await.expect(200);
    assert_eq!(answer.body["checks"]["signature"], json!("ok"));
}

/// No connection of before is counted on.
async fn a_livekit_that_was_away_is_asked_again_at_once(studio: &LiveStudio) {
    let token = studio.key.token("guest-7", "demo");
    studio.livekit.kill();
    let ask = async || studio.api().post("/api/session/validate", &json!({ "token": token })).await;
    let answer = ask().await.problem(502, "livekit_failed");
    assert!(!answer.text.contains(&token), "{answer:#?}");
    studio.livekit.start_again();
    studio.livekit.create_room(&studio.key, "demo").await;
    assert_eq!(ask().await.expect(200).body["valid"], json!(true));
    studio.livekit.stop();
    studio.livekit.start_again();
    // Not away when it was asked: only its rooms are.
    assert_eq!(ask().await.expect(200).str("reason"), "livekit_refused");
}

async fn validation(studio: &LiveStudio) {
    studio.livekit.create_room(&studio.key, "demo").await;
    a_good_token_is_good(studio).await;
    a_bad_token_is_bad_and_says_why(studio).await;
    a_room_that_is_not_there_is_livekits_to_say(studio).await;
    anyone_may_ask(studio).await;
    a_livekit_that_was_away_is_asked_again_at_once(studio).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn validation_with_sqlite() {
    require!(LiveStudio::available());
    validation(&LiveStudio::sqlite(false, &[]).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn validation_with_postgres() {
    require!(LiveStudio::available_with_postgres());
    validation(&LiveStudio::postgres(false, &[]).await).await;
}
