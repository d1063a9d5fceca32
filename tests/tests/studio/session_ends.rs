//! How a session ends by time: the lines of the table of session states that need a clock.

use std::time::Duration;

use avanzacast_tests::{Api, Stack, on_both_databases};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};

const KEY: &str = "a-key-of-the-consumer-0123456789_abc";
const OTHER_KEY: &str = "another-key-0123456789-0123456789_ab";

async fn create(api: &Api, body: &Value) -> String {
    format!("/api/session/{}", api.post("/api/session", body).await.expect(201).str("id"))
}

/// Past its ttl an open session is over for everybody, before and after the sweep has been there.
async fn nobody_enters_after_the_end(api: &Api) {
    let plain = create(api, &json!({"room": "demo", "username": "Ana", "ttl": 1})).await;
    let link = create(api, &json!({"room": "demo", "username": "Ana", "ttl": 1, "singleUse": true})).await;
    let born = Instant::now();
    for after in [1_050, 4_000] {
        sleep_until(born + Duration::from_millis(after)).await;
        for path in [&plain, &link] {
            api.get(path).await.problem(410, "session_expired");
            api.post_empty(&format!("{path}/consume")).await.problem(410, "session_expired");
            let keyed = api.clone().with("x-session-resume", KEY);
            keyed.post_empty(&format!("{path}/consume")).await.problem(410, "session_expired");
        }
    }
}

/// The winner may come back past the session's ttl, but not past the resume window; nobody else ever.
async fn the_winner_may_come_back_until_the_window_closes(api: &Api) {
    let (winner, other) = (api.clone().with("x-session-resume", KEY), api.clone().with("x-session-resume", OTHER_KEY));
    let path = create(api, &json!({"room": "demo", "username": "Ana", "ttl": 2})).await;
    let consume = format!("{path}/consume");
    winner.post_empty(&consume).await.expect(200);
    let consumed = Instant::now();

    sleep_until(consumed + Duration::from_millis(2_500)).await;
    winner.post_empty(&consume).await.expect(200);
    for nobody in [&other, api] {
        nobody.post_empty(&consume).await.problem(409, "session_consumed");
    }
    api.get(&path).await.problem(410, "session_consumed");

    sleep_until(consumed + Duration::from_millis(8_100)).await;
    winner.post_empty(&consume).await.problem(410, "session_expired");
    for nobody in [&other, api] {
        nobody.post_empty(&consume).await.problem(409, "session_consumed");
    }
    api.get(&path).await.problem(410, "session_consumed");
}

async fn ends(stack: &Stack) {
    let api = stack.api();
    tokio::join!(nobody_enters_after_the_end(&api), the_winner_may_come_back_until_the_window_closes(&api));
}

// Long against what a busy machine takes for a few requests.
on_both_databases!(ends, [("SESSION_RESUME_SECONDS", "8")]);
