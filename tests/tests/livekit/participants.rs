//! A real livekit-server and real participants: what we hand out opens its rooms, and just as far as it says.

use avanzacast_schemas::SessionId;
use avanzacast_tests::{Answer, Api, LiveKitKey, LiveStudio, Participant, eventually, require};
use serde_json::json;

async fn session(api: &Api, username: &str, role: &str) -> Answer {
    let body = json!({"room": "Sala ñ 1", "username": username, "role": role});
    let created = api.post("/api/session", &body).await.expect(201);
    api.get(&format!("/api/session/{}", created.str("id"))).await.expect(200)
}

fn participant(answer: &Answer) -> String {
    SessionId::try_from(answer.str("id").to_owned()).unwrap().participant().as_str().to_owned()
}

/// Two people of the same name are two people; nobody in the room learns anybody's session id.
async fn two_guests_of_one_name_meet(studio: &LiveStudio) {
    let (first, second) =
        (session(&studio.api(), "José 🎥", "guest").await, session(&studio.api(), "José 🎥", "guest").await);
    let ana = studio.join(&first);
    let other = studio.join(&second);
    for (person, answer) in [(&ana, &first), (&other, &second)] {
        assert_eq!((person.identity(), person.name()), (participant(answer).as_str(), "José 🎥"));
        assert_eq!(person.room(), "Sala ñ 1");
        assert!(person.identity().starts_with("p_") && !person.identity().contains(answer.str("id")));
        let rights = json!({"canPublish": true, "canSubscribe": true, "canPublishData": true, "hidden": false,
            "canUpdateMetadata": false});
        assert_eq!(person.permissions(), &rights);
    }
    ana.wait_for_arrival(other.identity());
    assert_eq!(other.found(), [ana.identity()]);
    ana.leave();
    other.leave();
}

/// The server refuses what the role does not allow, whatever the client tries.
async fn a_viewer_sees_and_is_not_seen(studio: &LiveStudio) {
    let mut guest = studio.join(&session(&studio.api(), "Ana", "guest").await);
    let mut viewer = studio.join(&session(&studio.api(), "Víctor", "viewer").await);
    let rights = json!({"canPublish": false, "canSubscribe": true, "canPublishData": false, "hidden": false,
        "canUpdateMetadata": false});
    assert_eq!(viewer.permissions(), &rights);
    guest.wait_for_arrival(viewer.identity());
    viewer.send("from the viewer");
    viewer.publish().expect_err("a viewer does not publish");
    guest.publish().expect("a guest does");
    guest.send("from the guest");
    assert_eq!(viewer.wait_for_track(guest.identity()), [guest.identity()]);
    assert_eq!(viewer.wait_for_message("from the guest"), ["from the guest"]);

    // Somebody who may, says something after the viewer did: had that arrived, it would be there before.
    let mut witness = studio.join(&session(&studio.api(), "Luz", "guest").await);
    guest.wait_for_arrival(witness.identity());
    witness.send("from the witness");
    assert_eq!(guest.wait_for_message("from the witness"), ["from the witness"]);
}

/// The answer of a consume lets in; so does that of the winner who comes back, as the same person.
async fn a_redeemed_link_lets_in_and_the_winner_comes_back_as_themselves(studio: &LiveStudio) {
    let api = studio.api().with("x-session-resume", &"k".repeat(32));
    let link = json!({"room": "link", "username": "Ana", "singleUse": true});
    let link = api.post("/api/session", &link).await.expect(201);
    let path = format!("/api/session/{}/consume", link.str("id"));
    let consumed = api.post_empty(&path).await.expect(200);
    let first = studio.join(&consumed);
    assert_eq!(first.identity(), participant(&link));

    let again = api.post_empty(&path).await.expect(200);
    assert_ne!(again.str("token"), consumed.str("token"));
    let second = studio.join(&again);
    assert_eq!(second.identity(), first.identity());
    assert_eq!(first.wait_for_end(), "DUPLICATE_IDENTITY", "one person is in the room once");
    studio.livekit.remove(&studio.key, "link", second.identity()).await;
    assert_eq!(second.wait_for_end(), "PARTICIPANT_REMOVED");
}

/// A token that another server signed, registered over the bus: given out as it is, with its own identity.
async fn a_registered_token_lets_in_as_whom_it_names(studio: &LiveStudio) {
    let mut claims = studio.key.claims("guest-7", json!({"room": "foreign", "roomJoin": true, "canPublish": false}));
    claims["name"] = json!("Luz");
    let token = studio.key.sign(&claims);
    let body = json!({"sessionId": "foreign-1", "token": token}).to_string();
    let bus = async_nats::jetstream::new(studio.stack.admin().await);
    bus.publish("cmd.token.register", body.into()).await.unwrap().await.expect("INTAKE takes it");
    let api = studio.api();
    eventually("the token is registered", async || api.get("/api/session/foreign-1").await.status == 200).await;
    let seen = api.get("/api/session/foreign-1").await.expect(200);
    assert_eq!(seen.str("token"), token);
    let person = studio.join(&seen);
    assert_eq!((person.identity(), person.name(), person.room()), ("guest-7", "Luz", "foreign"));
    assert_eq!(person.permissions()["canPublish"], json!(false));
}

/// A forged token opens nothing: else the stories above would prove nothing.
fn another_secret_opens_nothing(studio: &LiveStudio) {
    let thief = LiveKitKey::new(studio.key.name(), &"x".repeat(40));
    let refusal = Participant::join(&studio.livekit.url(), &thief.token("p_thief", "Sala ñ 1")).unwrap_err();
    assert!(refusal.contains("401") || refusal.to_lowercase().contains("unauthorized"), "{refusal}");
}

async fn health(api: &Api) -> (String, String) {
    let answer = api.get("/health").await.expect(200);
    (answer.str("status").to_owned(), answer.body["checks"]["livekit"].as_str().unwrap().to_owned())
}

/// LiveKit's own health is a matter of degree for us: sessions are made and redeemed without it.
async fn health_follows_livekit(studio: &LiveStudio) {
    let api = studio.api();
    let is = async |status: &str, livekit: &str| {
        let wanted = (status.to_owned(), livekit.to_owned());
        eventually(&format!("health is {status}"), async || health(&api).await == wanted).await;
    };
    is("ok", "ok").await;
    studio.livekit.stop();
    is("degraded", "down").await;
    session(&api, "Ana", "guest").await;
    studio.livekit.start_again();
    is("ok", "ok").await;
    studio.join(&session(&api, "Ana", "guest").await).leave();
}

async fn rooms(studio: &LiveStudio) {
    two_guests_of_one_name_meet(studio).await;
    a_viewer_sees_and_is_not_seen(studio).await;
    a_redeemed_link_lets_in_and_the_winner_comes_back_as_themselves(studio).await;
    a_registered_token_lets_in_as_whom_it_names(studio).await;
    another_secret_opens_nothing(studio);
    health_follows_livekit(studio).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rooms_with_sqlite() {
    require!(LiveStudio::available());
    rooms(&LiveStudio::sqlite(true, &[]).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rooms_with_postgres() {
    require!(LiveStudio::available_with_postgres());
    rooms(&LiveStudio::postgres(true, &[]).await).await;
}
