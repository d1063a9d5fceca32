//! Every other way in which a token is handed out or taken in, each tried at the door of a real livekit-server.

use avanzacast_tests::{
    Answer, LiveKitKey, LiveStudio, Participant, payload, require, token_source_available, token_source_fetch,
};
use serde_json::{Value, json};

const OTHER_KEY: &str = "APIotherminter";
const OTHER_SECRET: &str = "another-minters-secret-of-forty-characters";

/// What LiveKit's own client asks for, it gets, and its answer is all that a room needs.
async fn livekits_own_client_gets_a_token(studio: &LiveStudio) {
    let url = format!("{}/api/livekit/token", studio.api().base());
    let secret = [("X-Backend-Secret", studio.stack.secret())];
    let options = json!({"roomName": "Sala ñ 1", "participantName": "José 🎥"});
    let given = token_source_fetch(&url, &secret, &options).unwrap();
    let text = |member: &str| given[member].as_str().unwrap().to_owned();
    let person = studio.join_at(&text("serverUrl"), &text("participantToken"));
    assert_eq!((person.room(), person.name()), ("Sala ñ 1", "José 🎥"));
    assert!(person.identity().starts_with("p_"), "{}", person.identity());

    let bearer = [("Authorization", format!("Bearer {}", studio.stack.secret()))];
    let bearer = bearer.each_ref().map(|(name, value)| (*name, value.as_str()));
    let given = token_source_fetch(&url, &bearer, &json!({})).expect("nothing needs to be said");
    let claims = payload(given["participantToken"].as_str().unwrap());
    assert!(claims["video"]["room"].as_str().is_some_and(|room| !room.is_empty()), "{claims}");

    for options in [
        json!({"participantIdentity": "ana"}),
        json!({"participantMetadata": "x"}),
        json!({"participantAttributes": {"role": "host"}}),
        json!({"agentName": "spy"}),
    ] {
        let refusal = token_source_fetch(&url, &secret, &options).unwrap_err();
        assert!(refusal.contains("400"), "{options}: {refusal}");
    }
    let refusal = token_source_fetch(&url, &[], &json!({})).unwrap_err();
    assert!(refusal.contains("401"), "{refusal}");
}

/// As LiveKit's documents say it: 201, two members, nothing cached.
async fn the_token_endpoint_speaks_livekits_protocol(studio: &LiveStudio) {
    let body = json!({"room_name": "demo", "participant_name": "Ana", "room_config": {}});
    let answer = studio.keeper().post("/api/livekit/token", &body).await.expect(201);
    let members: Vec<&String> = answer.body.as_object().unwrap().keys().collect();
    assert_eq!(members, ["participant_token", "server_url"]);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let video = payload(answer.str("participant_token"))["video"].clone();
    for grant in ["roomAdmin", "roomCreate", "roomList", "roomRecord", "canUpdateOwnMetadata"] {
        assert!(video.get(grant).is_none_or(|value| value == &json!(false)), "{video}");
    }
    let agents = json!({"room_name": "demo", "room_config": {"agents": [{"agent_name": "spy"}]}});
    studio.keeper().post("/api/livekit/token", &agents).await.problem(400, "malformed");
}

/// The stock LiveKit Meet asks like this (`app/api/connection-details/route.ts`).
async fn livekit_meet_gets_its_connection_details(studio: &LiveStudio) {
    let path = "/api/connection-details?roomName=Sala%20%C3%B1%201&participantName=Jos%C3%A9&metadata=&region=eu";
    let answer = studio.keeper().get(path).await.expect(200);
    let members: Vec<&String> = answer.body.as_object().unwrap().keys().collect();
    assert_eq!(members, ["participantName", "participantToken", "roomName", "serverUrl"]);
    assert_eq!((answer.str("roomName"), answer.str("participantName")), ("Sala ñ 1", "José"));
    let person = studio.join_at(answer.str("serverUrl"), answer.str("participantToken"));
    assert_eq!((person.room(), person.name()), ("Sala ñ 1", "José"));
    for path in ["/api/connection-details?roomName=demo", "/api/connection-details?participantName=Ana"] {
        studio.keeper().get(path).await.problem(400, "malformed");
    }
    studio.api().get(path).await.problem(401, "credential_required");
}

fn registration(id: &str, token: &str) -> Value {
    json!({"sessionId": id, "token": token})
}

async fn a_token_registered_over_http_lets_in_as_whom_it_names(studio: &LiveStudio) {
    let token = studio.key.token("guest-7", "foreign");
    let keeper = studio.keeper();
    let created = keeper.post("/api/tokens", &registration("foreign-1", &token)).await.expect(201);
    assert_eq!(created.str("id"), "foreign-1");
    keeper.post("/api/tokens", &registration("foreign-1", &token)).await.expect(200);
    let other = registration("foreign-1", &studio.key.token("guest-8", "foreign"));
    keeper.post("/api/tokens", &other).await.problem(409, "session_exists");
    studio.api().post("/api/tokens", &registration("foreign-2", &token)).await.problem(401, "credential_required");
    let seen = studio.api().get("/api/session/foreign-1").await.expect(200);
    assert_eq!(seen.str("token"), token);
    let person = studio.join(&seen);
    assert_eq!((person.identity(), person.room()), ("guest-7", "foreign"));
}

/// A key that only others sign with: its tokens are known, and nobody else's.
async fn another_minters_tokens_are_taken(studio: &LiveStudio) {
    let keeper = studio.keeper();
    let token = LiveKitKey::new(OTHER_KEY, OTHER_SECRET).token("guest-9", "foreign");
    keeper.post("/api/tokens", &registration("minter-1", &token)).await.expect(201);
    assert_eq!(studio.api().get("/api/session/minter-1").await.expect(200).str("token"), token);
    // Ours, and known; but this LiveKit has never heard of the key, and says so.
    let found = studio.api().post("/api/session/validate", &json!({ "token": token })).await.expect(200);
    assert_eq!(found.body["checks"], json!({"signature": "ok", "expiry": "ok", "session": "ok", "livekit": "failed"}));
    assert_eq!(found.str("reason"), "livekit_refused");
    let forged = LiveKitKey::new(OTHER_KEY, studio.key.secret()).token("guest-9", "foreign");
    let refused = keeper.post("/api/tokens", &registration("minter-2", &forged)).await;
    assert!((400..500).contains(&refused.status) && !refused.text.contains(&forged), "{refused:#?}");
    studio.api().get("/api/session/minter-2").await.problem(404, "session_not_found");
}

async fn joins_as(studio: &LiveStudio, answer: &Answer, name: &str, publishes: bool) -> Participant {
    let person = studio.join(answer);
    assert_eq!(person.name(), name);
    assert_eq!(person.permissions()["canPublish"], json!(publishes));
    person
}

async fn the_panels_own_doors_open_rooms(studio: &LiveStudio) {
    let host = json!({"room": "broadcast-1", "username": "Ana", "role": "host"});
    let internal = studio.keeper().post("/api/internal/session", &host).await.expect(201);
    let ana = joins_as(studio, &internal, "Ana", true).await;
    assert_eq!(ana.room(), "broadcast-1");
    let viewer = json!({"room": "broadcast-1", "username": "Luz", "role": "viewer"});
    let internal = studio.keeper().post("/api/internal/session", &viewer).await.expect(201);
    let luz = joins_as(studio, &internal, "Luz", false).await;
    assert_eq!(luz.found(), [ana.identity()]);
    studio.api().post("/api/internal/session", &host).await.problem(401, "credential_required");

    // The seed's door without a session: whoever they say they are.
    let legacy = studio.api().get("/api/token?room=demo&username=Ana%20Mar%C3%ADa").await.expect(200);
    let person = joins_as(studio, &legacy, "Ana María", true).await;
    assert_eq!((person.identity(), person.room()), ("Ana María", "demo"));
}

async fn a_broadcasts_link_opens_its_room_and_no_other(studio: &LiveStudio) {
    let broadcast = studio.keeper().post("/api/broadcasts", &json!({"title": "Noche"})).await.expect(201);
    let id = broadcast.str("id");
    let link = json!({"username": "Ana", "singleUse": true});
    let link = studio.keeper().post(&format!("/api/broadcasts/{id}/session"), &link).await.expect(201);
    let consumed = studio.api().post_empty(&format!("/api/session/{}/consume", link.str("id"))).await.expect(200);
    let person = studio.join_at(consumed.str("server_url"), consumed.str("participant_token"));
    assert_eq!(person.room(), format!("broadcast-{id}"));
}

async fn doors(studio: &LiveStudio) {
    livekits_own_client_gets_a_token(studio).await;
    the_token_endpoint_speaks_livekits_protocol(studio).await;
    livekit_meet_gets_its_connection_details(studio).await;
    a_token_registered_over_http_lets_in_as_whom_it_names(studio).await;
    another_minters_tokens_are_taken(studio).await;
    the_panels_own_doors_open_rooms(studio).await;
    a_broadcasts_link_opens_its_room_and_no_other(studio).await;
}

fn keys() -> String {
    format!("{OTHER_KEY}: {OTHER_SECRET}")
}

#[tokio::test(flavor = "multi_thread")]
async fn doors_with_sqlite() {
    require!(LiveStudio::available());
    require!(token_source_available());
    doors(&LiveStudio::sqlite(true, &[("MEET_COMPAT", "1"), ("LIVEKIT_KEYS", &keys())]).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn doors_with_postgres() {
    require!(LiveStudio::available_with_postgres());
    require!(token_source_available());
    doors(&LiveStudio::postgres(true, &[("MEET_COMPAT", "1"), ("LIVEKIT_KEYS", &keys())]).await).await;
}
