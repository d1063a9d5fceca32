//! A broadcast's sessions: its room is closed to others, and ends with it, whatever the cache knows.

use avanzacast_tests::{Api, Stack, on_both_databases, payload};
use serde_json::{Value, json};

async fn broadcast(manager: &Api) -> String {
    manager.post("/api/broadcasts", &json!({"title": "Noche"})).await.expect(201).str("id").to_owned()
}

async fn session(manager: &Api, broadcast: &str, body: Value) -> String {
    let made = manager.post(&format!("/api/broadcasts/{broadcast}/session"), &body).await.expect(201);
    format!("/api/session/{}", made.str("id"))
}

async fn its_room_is_the_broadcasts(manager: &Api, api: &Api) {
    let id = broadcast(manager).await;
    let body = json!({"username": "Ana", "role": "host", "room": "elsewhere", "broadcastId": "mine"});
    let path = session(manager, &id, body).await;
    let seen = api.get(&path).await.expect(200);
    assert_eq!(seen.str("room"), format!("broadcast-{id}"));
    assert_eq!(payload(seen.str("token"))["video"]["room"], json!(format!("broadcast-{id}")));
    let listed = manager.get(&format!("/api/sessions?broadcastId={id}")).await.expect(200);
    assert_eq!(listed.body[0]["broadcastId"], json!(id));
    assert_eq!(listed.body.as_array().map(Vec::len), Some(1));
    // Nobody claims a broadcast, or its room, through another door.
    let room = format!("broadcast-{id}");
    api.post("/api/session", &json!({"room": room, "username": "Eve"})).await.problem(403, "room_reserved");
    let claimed = json!({"room": "demo", "username": "Eve", "broadcastId": id});
    let claimed = api.post("/api/session", &claimed).await.expect(201);
    let listed = manager.get(&format!("/api/sessions?broadcastId={id}")).await.expect(200);
    assert!(!listed.text.contains(claimed.str("id")));
}

async fn it_ends_with_the_broadcast(manager: &Api, api: &Api) {
    let id = broadcast(manager).await;
    let (plain, link) = (json!({"username": "Ana"}), json!({"username": "Bea", "singleUse": true}));
    let open = session(manager, &id, plain.clone()).await;
    let redeemed = session(manager, &id, link.clone()).await;
    let winner = api.clone().with("x-session-resume", &"k".repeat(40));
    winner.post_empty(&format!("{redeemed}/consume")).await.expect(200);
    api.get(&open).await.expect(200);
    manager.post_empty(&format!("/api/broadcasts/{id}/start")).await.expect(200);
    api.get(&open).await.expect(200);
    manager.post_empty(&format!("/api/broadcasts/{id}/end")).await.expect(200);
    for path in [&open, &redeemed] {
        api.get(path).await.problem(410, "broadcast_ended");
        winner.post_empty(&format!("{path}/consume")).await.problem(410, "broadcast_ended");
    }
    for body in [plain, link] {
        manager.post(&format!("/api/broadcasts/{id}/session"), &body).await.problem(409, "broadcast_ended");
    }
    manager.delete(&open).await.expect(204);
    api.get(&open).await.problem(410, "session_revoked");
}

async fn what_is_no_broadcast_has_no_sessions(manager: &Api) {
    for id in ["019c1c3f-0000-7000-8000-000000000009", "nonsense", "demo"] {
        let answer = manager.post(&format!("/api/broadcasts/{id}/session"), &json!({"username": "Ana"})).await;
        answer.problem(404, "broadcast_not_found");
    }
    let id = broadcast(manager).await;
    for body in [json!({}), json!({"username": ""}), json!({"username": "Ana", "ttl": -1}), json!([])] {
        let answer = manager.post(&format!("/api/broadcasts/{id}/session"), &body).await;
        answer.problem(400, "malformed");
    }
}

async fn sessions(stack: &Stack) {
    let (api, manager) = (stack.api(), stack.api().with_secret(stack.secret()));
    its_room_is_the_broadcasts(&manager, &api).await;
    it_ends_with_the_broadcast(&manager, &api).await;
    what_is_no_broadcast_has_no_sessions(&manager).await;
    api.post("/api/broadcasts/x/session", &json!({"username": "Ana"})).await.problem(401, "credential_required");
}

on_both_databases!(sessions);
