//! The studio: who comes in, who comes back, who is told why not.

use std::time::Duration;

use avanzacast_tests::{Stack, Story, TokenServer, require};
use serde_json::json;

use super::{ONE_AT_A_TIME, available, link, studio};

#[tokio::test]
async fn two_people_see_each_other_and_one_is_put_out() {
    require!(available());
    let (studio, _turn) = studio(&[]).await;
    let outside = TokenServer::start_with(&studio.stack, &[("PUBLIC_URL", studio.api().base())]);
    let body = json!({"room": "viernes", "identity": "ana", "name": "Ana", "ttl": 600});
    let minted = outside.api().post("/token", &body).await.expect(201);
    let guest = link(&studio, "viernes", "<img src=x onerror=alert(1)>").await;
    let facts = json!({
        "panelUrl": minted.str("redirectUrl"),
        "guestUrl": format!("{}/studio/{}", studio.api().base(), guest.str("id")),
        "guestId": guest.str("id"),
    });
    let found = Story::begin("two_people", &studio.stack, facts).end();
    println!(
        "from the second click to both videos: {} ms; from revoked to out: {} ms",
        found["together"], found["out"]
    );
    let identity = found["identity"].as_str().unwrap();
    assert!(identity.starts_with("p_"), "nobody in the room learns a session's id: {identity}");
    let joined = studio.stack.events_of_type("participant.joined");
    assert!(joined.iter().any(|event| event["data"]["participant"] == identity), "{joined:?}");
}

#[tokio::test]
async fn a_link_is_used_once_and_by_who_used_it_again() {
    require!(available());
    let (studio, _turn) = studio(&[]).await;
    let guest = link(&studio, "viernes", "Eva").await;
    drop(Story::begin("single_use", &studio.stack, json!({ "id": guest.str("id") })).end());
    assert_eq!(studio.stack.events_of_type("session.consumed").len(), 1);
}

#[tokio::test]
async fn every_refusal_has_a_page_of_its_own() {
    require!(available());
    let (studio, _turn) = studio(&[]).await;
    let keeper = studio.keeper();
    let mut ids = Vec::new();
    for name in ["used", "revoked", "late", "open"] {
        ids.push(link(&studio, "viernes", name).await.str("id").to_owned());
    }
    let body = json!({"room": "viernes", "username": "expired", "singleUse": true, "ttl": 1});
    let expired = keeper.post("/api/session", &body).await.expect(201);
    keeper.post_empty(&format!("/api/session/{}/consume", ids[0])).await.expect(200);
    keeper.delete(&format!("/api/session/{}", ids[1])).await.expect(204);
    let broadcast = keeper.post("/api/broadcasts", &json!({"title": "Viernes"})).await.expect(201);
    let broadcast = broadcast.str("id");
    let path = format!("/api/broadcasts/{broadcast}/session");
    let over = keeper.post(&path, &json!({"username": "over", "singleUse": true})).await.expect(201);
    for step in ["start", "end"] {
        keeper.post_empty(&format!("/api/broadcasts/{broadcast}/{step}")).await.expect(200);
    }
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let facts = json!({
        "open": ids[3],
        "late": ids[2],
        "endings": [
            [ids[0], "session_consumed", "Este enlace ya se ha usado", "This link has been used"],
            [expired.str("id"), "session_expired", "Este enlace ha caducado", "This link has expired"],
            [ids[1], "session_revoked", "Tu acceso ha sido revocado", "Your access has been revoked"],
            [over.str("id"), "broadcast_ended", "La transmisión ha terminado", "The broadcast has ended"],
            ["9f1c2d3e-0000-4000-8000-000000000001", "session_not_found", "No conocemos este enlace", "We do not know this link"],
        ],
    });
    let mut story = Story::begin("endings", &studio.stack, facts);
    story.reached("LiveKit may go");
    studio.livekit.kill();
    story.go_on();
    story.reached("LiveKit may come");
    studio.livekit.start_again();
    story.go_on();
    drop(story.end());
}

#[tokio::test]
async fn without_livekit_s_client_nobody_s_link_is_used_up() {
    require!(available());
    let _turn = ONE_AT_A_TIME.lock().await;
    let stack = Stack::sqlite_with(vec![("PUBLIC_URL".to_owned(), String::new())]).await;
    let body = json!({"room": "viernes", "username": "Ana", "singleUse": true});
    let made = stack.api().with_secret(stack.secret()).post("/api/session", &body).await.expect(201);
    drop(Story::begin("client_missing", &stack, json!({ "id": made.str("id") })).end());
}

#[tokio::test]
async fn a_panel_of_another_origin_hands_a_session_over_and_no_other_page_can() {
    require!(available());
    let (studio, _turn) = studio(&[("VITE_TOKEN_SERVER_URL", "http://panel.test")]).await;
    let (handed, left) = (link(&studio, "viernes", "Ana").await, link(&studio, "viernes", "Eva").await);
    let facts = json!({ "handed": handed.body, "left": left.body });
    drop(Story::begin("handover", &studio.stack, facts).end());
}

#[tokio::test]
async fn pages_are_light() {
    require!(available());
    let (studio, _turn) = studio(&[]).await;
    let guest = link(&studio, "viernes", "Ana").await;
    let found = Story::begin("weight", &studio.stack, json!({ "id": guest.str("id") })).end();
    println!("bytes, and milliseconds to the first paint over a slow line: {found}");
}
