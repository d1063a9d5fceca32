//! Whether LiveKit signed a webhook, for the edge, which has none of its secrets.

use avanzacast_kit::{
    bus::{Bus, Delivery, Reply, ServeError, Served, serve},
    config::LiveKitConfig,
    lifecycle::Lifecycle,
    time,
};
use avanzacast_livekit::Verifier;
use avanzacast_schemas::{
    Code, Refusal, VerifyWebhook,
    bus::{group, subject},
};
use avanzacast_worker::messages::body;
use tokio::sync::mpsc;

/// Questions that may wait: each is answered from memory in microseconds.
const WAITING: usize = 256;

/// Answers `qry.livekit.verify`, from memory: webhooks are taken in while the database is away, too.
///
/// # Errors
/// The bus is closed.
pub async fn serve_webhooks(bus: &Bus, livekit: &LiveKitConfig, life: &Lifecycle) -> Result<Served, ServeError> {
    let verifier = Verifier::new(livekit);
    let (questions, mut asked) = mpsc::channel::<Delivery>(WAITING);
    life.essential("checking webhooks", async move {
        while let Some(question) = asked.recv().await {
            question.reply(answer(&verifier, &question)).await;
        }
    });
    serve(bus, group::SESSION, &[subject::LIVEKIT_VERIFY], questions, life).await
}

fn answer(verifier: &Verifier, question: &Delivery) -> Reply {
    let asked = body::<VerifyWebhook>(question);
    // What the parser says could quote the token.
    let asked = asked.map_err(|_| Refusal::new(Code::Malformed, "this is no question about a webhook"));
    match asked.and_then(|webhook| verifier.webhook(&webhook, time::now_ms())) {
        Ok(()) => Reply::done(200, ""),
        Err(refusal) => {
            // A LiveKit with another key shows here and nowhere else.
            tracing::warn!(reason = refusal.detail, trace.id = %question.trace, "a webhook was refused");
            Reply::from(&refusal)
        }
    }
}
