//! How this worker sees what it depends on, for whoever asks over the bus.

use std::time::Duration;

use avanzacast_kit::{
    bus::{Bus, Delivery, Reply, ServeError, Served, serve},
    lifecycle::Lifecycle,
};
use avanzacast_schemas::{
    CheckStatus, WorkerHealth,
    bus::{group, subject},
};
use avanzacast_worker::Guard;
use tokio::sync::{mpsc, watch};

/// How often LiveKit is asked whether it lives.
const INTERVAL: Duration = Duration::from_secs(5);
/// A LiveKit that takes longer is down.
const PATIENCE: Duration = Duration::from_secs(2);
/// Questions that may wait: each is answered from memory.
const WAITING: usize = 256;

/// Answers `qry.session.health`, and keeps an eye on LiveKit at its HTTP address.
///
/// # Errors
/// The bus is closed.
pub async fn serve_health(
    bus: &Bus,
    guard: Guard,
    livekit_url: String,
    life: &Lifecycle,
) -> Result<Served, ServeError> {
    let (livekit, seen) = watch::channel(CheckStatus::Unknown);
    let stopping = life.stopping();
    life.essential("watching LiveKit", async move {
        let client = reqwest::Client::builder().timeout(PATIENCE).build().unwrap_or_default();
        while !stopping.is_cancelled() {
            livekit.send_replace(probe(&client, &livekit_url).await);
            tokio::select! {
                () = tokio::time::sleep(INTERVAL) => {}
                () = stopping.cancelled() => {}
            }
        }
    });
    let (questions, mut asked) = mpsc::channel::<Delivery>(WAITING);
    life.essential("answering about health", async move {
        while let Some(question) = asked.recv().await {
            // One that lost events answers, and takes none.
            let works = guard.database_answers() && !guard.is_behind();
            let database = if works { CheckStatus::Ok } else { CheckStatus::Down };
            let health = WorkerHealth { database, livekit: *seen.borrow() };
            let body = serde_json::to_vec(&health).unwrap_or_default();
            question.reply(Reply::done(200, body)).await;
        }
    });
    serve(bus, group::SESSION, &[subject::SESSION_HEALTH], questions, life).await
}

/// LiveKit answers `GET /` with 200 when it is ready (livekit-server, `pkg/service/server.go`).
async fn probe(client: &reqwest::Client, url: &str) -> CheckStatus {
    match client.get(url).send().await {
        Ok(response) if response.status().is_success() => CheckStatus::Ok,
        Ok(_) | Err(_) => CheckStatus::Down,
    }
}
