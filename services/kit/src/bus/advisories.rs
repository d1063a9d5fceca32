//! Alarms: what the server says when a consumer of INTAKE will not see a message again.

use avanzacast_schemas::bus::{consumer, group, stream};
use futures::{StreamExt, stream::select};
use serde::Deserialize;

use super::{Bus, delivery::BURIED};
use crate::{lifecycle::Lifecycle, metrics};

/// The server's advisories, followed by `.<stream>.<consumer>`.
const GIVEN_UP: &str = "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES";
const TERMINATED: &str = "$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED";

/// What both kinds have in common, and the reason that only one may have (nats-server, `server/jetstream_events.go`,
/// `JSConsumerDeliveryExceededAdvisory` and `JSConsumerDeliveryTerminatedAdvisory`).
#[derive(Deserialize)]
struct Advisory {
    stream: String,
    consumer: String,
    stream_seq: u64,
    deliveries: u64,
    #[serde(default)]
    reason: String,
}

/// Writes an error line and counts, for each message of INTAKE that was delivered as often as its consumer allows, or
/// that somebody ended (a dead letter, which has its line, is only counted): of all workers, one. The server says each once, to whoever is there.
///
/// # Errors
/// A closed connection.
pub async fn watch_advisories(bus: &Bus, life: &Lifecycle) -> Result<(), async_nats::SubscribeError> {
    for name in [consumer::INTAKE_SESSION, consumer::INTAKE_ROOM] {
        // Shown from the start.
        drop(metrics::lost(stream::INTAKE, name));
    }
    let hear = |kind| bus.client().queue_subscribe(format!("{kind}.{}.*", stream::INTAKE), group::SESSION.to_owned());
    let mut heard = select(hear(GIVEN_UP).await?, hear(TERMINATED).await?);
    let stopping = life.stopping();
    life.essential("hearing alarms", async move {
        loop {
            let message = tokio::select! {
                message = heard.next() => message,
                () = stopping.cancelled() => break,
            };
            let Some(message) = message else { break };
            match serde_json::from_slice(&message.payload) {
                Ok(advisory) => raise(&advisory, message.subject.starts_with(GIVEN_UP)),
                Err(error) => tracing::error!(subject = %message.subject, %error, "an advisory cannot be read"),
            }
        }
    });
    Ok(())
}

fn raise(advisory: &Advisory, given_up: bool) {
    let Advisory { stream, consumer, stream_seq: seq, deliveries, reason } = advisory;
    let meters = metrics::lost(stream, consumer);
    if given_up {
        meters.given_up.increment(1);
        let advice = "it stays in the stream and is delivered no more; the consumer's max_deliver must be -1";
        tracing::error!(stream, consumer, seq, deliveries, advice, "a message was given up");
    } else {
        meters.terminated.increment(1);
        // Whoever buried it has said so, and why.
        if reason == BURIED {
            return;
        }
        tracing::error!(stream, consumer, seq, deliveries, reason, "a message was ended unapplied");
    }
}
