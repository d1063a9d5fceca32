//! The same, told by a real LiveKit about real participants.

use std::time::Duration;

use avanzacast_tests::{LiveStudio, Participant, StackOptions, eventually, require};
use serde_json::json;

use super::{answer, each, now, participant, session};

async fn who_was_really_there(studio: &LiveStudio) {
    let stack = &studio.stack;
    let created = session(stack, "demo", "Ana").await;
    let ana = studio.join(&studio.api().get(&format!("/api/session/{}", created.str("id"))).await.expect(200));
    let stranger = Participant::join(&studio.livekit.url(), &studio.key.token("mallory", "demo")).unwrap();
    eventually("the stranger is reported", async || stack.events_of_type("participant.unknown").len() == 1).await;
    let during = now();
    ana.leave();
    stranger.leave();
    eventually("both are said to have left", async || stack.events_of_type("participant.left").len() == 2).await;
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    stack.until_indexed().await;

    let there = answer(stack, &["who", "--room", "demo", "--at", &during]);
    assert_eq!(each(&there["entered"], "participant"), [participant(&created)]);
    let stay = &there["entered"][0];
    assert_eq!((&stay["left"]["reason"], &stay["door"]["name"]["value"]), (&json!("CLIENT_INITIATED"), &json!("Ana")));
    assert!(stay["sid"].as_str().unwrap().starts_with("PA_"));
    assert_eq!(stay["by"][0]["fingerprint"], stack.events_of(&participant(&created))[0]["data"]["fingerprint"]);
    assert_eq!(there["strangers"][0]["identity"]["value"], "mallory");
    let after = answer(stack, &["who", "--room", "demo", "--at", &now()]);
    assert_eq!((&after["entered"], &after["strangers"]), (&json!([]), &json!([])));
    assert_eq!(each(&after["couldEnter"][0]["ways"], "means"), ["link", "token", "refreshed"]);
}

#[tokio::test]
async fn who_was_really_there_sqlite() {
    require!(LiveStudio::available());
    who_was_really_there(&LiveStudio::sqlite(true, &[]).await).await;
}

#[tokio::test]
async fn who_was_really_there_postgres() {
    require!(LiveStudio::available_with_postgres());
    let options = StackOptions { rooms: 1, audits: 1, ..Default::default() };
    who_was_really_there(&LiveStudio::postgres_with(options, true).await).await;
}

/// What no webhook told is found by asking, and the answer says that nobody knew.
#[tokio::test]
async fn a_time_in_which_nobody_knew_is_said() {
    require!(LiveStudio::available_with_postgres());
    let options = StackOptions { rooms: 1, audits: 1, ..Default::default() };
    let studio = LiveStudio::postgres_with(options, false).await;
    let stack = &studio.stack;
    eventually("LiveKit was asked once", async || !stack.query("SELECT known_at FROM presence_watch").is_empty()).await;
    let created = session(stack, "demo", "Ana").await;
    let before = now();
    let ana = studio.join(&studio.api().get(&format!("/api/session/{}", created.str("id"))).await.expect(200));
    for _ in 0..2 {
        let found = async || !stack.events_of_type("presence.gap").is_empty();
        eventually("it is found by asking", found).await;
    }
    stack.until_indexed().await;
    let gap = &stack.events_of_type("presence.gap")[0];
    let at = answer(stack, &["who", "--room", "demo", "--at", &before]);
    let gaps = &at["notCovered"]["gaps"];
    assert_eq!((&gaps[0]["from"], &gaps[0]["to"]), (&gap["data"]["from"], &gap["data"]["to"]));
    assert_eq!(each(&answer(stack, &["who", "--room", "demo"])["entered"], "participant"), [participant(&created)]);
    let told = stack.audited(&["who", "--room", "demo", "--at", &before]);
    assert!(told.contains("nobody was told"), "{told}");
    let long_ago = answer(stack, &["who", "--room", "demo", "--at", "2020-01-01T00:00:00Z"]);
    assert_eq!(long_ago["notCovered"]["gaps"], json!([]), "that gap is not of that time");
    ana.leave();
}
