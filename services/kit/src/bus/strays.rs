//! A look at what should not be on the bus: messages that nobody will take, and consumers that none of us made.

use std::time::Duration;

use async_nats::jetstream::consumer::Info;
use avanzacast_schemas::bus::{consumer, stream};
use futures::TryStreamExt;

use super::Bus;
use crate::checkup::Finding;

/// Looks at INTAKE: what is on its way between two of the numbers is not there at the next look.
const LOOKS: usize = 5;
/// The pause between.
const PAUSE: Duration = Duration::from_millis(100);
/// As many names as fit into a line.
const NAMED: usize = 3;

/// Messages of INTAKE that no consumer will deliver: each of its messages waits for one, or is out with one.
pub async fn stranded(bus: &Bus) -> Finding {
    let check = "stranded";
    let mut counted = Vec::new();
    for _ in 0..LOOKS {
        match left(bus).await {
            Ok(left) => counted.extend(left),
            Err(error) => {
                return Finding::warning(check, format!("cannot be counted: {error}"), "look at INTAKE first");
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
    match counted.iter().min() {
        None => Finding::ok(check, "INTAKE is too busy for counting"),
        Some(0) => Finding::ok(check, "every message in INTAKE waits for a worker"),
        Some(left) => Finding::problem(
            check,
            format!("{left} messages in INTAKE that no consumer will deliver again"),
            "`nats consumer rm INTAKE session` (or `room`) and `avanzacast provision`: the consumer made anew delivers \
             what is left, and nothing is applied twice",
        ),
    }
}

/// How many; `None` when the stream has changed while it was counted, or a consumer of ours is not there to take them.
async fn left(bus: &Bus) -> Result<Option<u64>, async_nats::Error> {
    let before = bus.jetstream().get_stream(stream::INTAKE).await?;
    let consumers = before.consumers().try_collect::<Vec<Info>>().await?;
    let after = bus.jetstream().get_stream(stream::INTAKE).await?;
    let (before, after) = (&before.cached_info().state, &after.cached_info().state);
    let ours = [consumer::INTAKE_SESSION, consumer::INTAKE_ROOM];
    let all_there = ours.iter().all(|name| consumers.iter().any(|consumer| consumer.name == *name));
    if !all_there || (before.messages, before.last_sequence) != (after.messages, after.last_sequence) {
        return Ok(None);
    }
    let taken = consumers.iter().map(|info| info.num_pending + u64::try_from(info.num_ack_pending).unwrap_or_default());
    Ok(Some(after.messages.saturating_sub(taken.sum())))
}

/// Consumers that have every event sent to a subject: ours ask for what they read.
pub async fn pushed(bus: &Bus) -> Finding {
    let check = "pushed events";
    let consumers = match bus.jetstream().get_stream(stream::EVENTS).await {
        Ok(events) => events.consumers().try_collect::<Vec<Info>>().await,
        Err(error) => return Finding::warning(check, format!("cannot be seen: {error}"), "look at EVENTS first"),
    };
    let consumers = match consumers {
        Ok(consumers) => consumers,
        Err(error) => return Finding::warning(check, format!("cannot be seen: {error}"), "look at nats-server's log"),
    };
    let named: Vec<String> = consumers
        .iter()
        .filter_map(|info| Some(format!("{} to {}", info.name, info.config.deliver_subject.as_ref()?)))
        .collect();
    if named.is_empty() {
        return Finding::ok(check, "no consumer of EVENTS sends them anywhere");
    }
    let some = named.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
    let found = format!("{} consumers of EVENTS send them to a subject, and none of ours does: {some}", named.len());
    Finding::warning(check, found, "find out who made them; `nats consumer rm EVENTS <name>` ends one")
}
