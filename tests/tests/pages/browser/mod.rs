//! The pages, in a real browser, with a real LiveKit: what people see and do. Each story is a script in
//! `tests/clients/browser`, and looks besides at what axe finds, at the browser's complaints (errors in scripts, and whatever a
//! page's policy had to stop), and at pictures, which are kept in the build's folder under `screenshots`.

mod console;
mod panel;
mod studio;

use avanzacast_tests::{Answer, LiveStudio, Story, livekit_client};
use tokio::sync::{Mutex, MutexGuard};

/// Cameras, encoders and browsers of several stories at once are more than two processors carry.
static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

/// What every story needs, for `require!`.
fn available() -> Result<(), String> {
    LiveStudio::available()?;
    Story::available()
}

/// A studio whose pages are where it says, with LiveKit's client.
async fn studio(env: &[(&str, &str)]) -> (LiveStudio, MutexGuard<'static, ()>) {
    let turn = ONE_AT_A_TIME.lock().await;
    let client = livekit_client().await;
    // Links lead to the pages of this very backend.
    let own = [("PUBLIC_URL", ""), ("LIVEKIT_CLIENT", client.to_str().unwrap())];
    (LiveStudio::sqlite(true, &[&own, env].concat()).await, turn)
}

/// A link for one use.
async fn link(studio: &LiveStudio, room: &str, username: &str) -> Answer {
    let body = serde_json::json!({ "room": room, "username": username, "singleUse": true, "ttl": 600 });
    studio.keeper().post("/api/session", &body).await.expect(201)
}
