//! Messages that a stream holds for us, and the place for those that can never work.

use std::time::Duration;

use async_nats::{
    header::NATS_MESSAGE_ID,
    jetstream::consumer::{PullConsumer, pull},
};
use avanzacast_schemas::bus::{header, subject};
use futures::StreamExt;

use super::{Bus, Delivery};
use crate::metrics;

/// One pull waits this long for its first message. The library's endless iterator can stall for seven times as long
/// after a lost race, so pulls are bounded and repeated.
const PULL_PATIENCE: Duration = Duration::from_secs(5);

/// A pull that did not work.
#[derive(Debug, thiserror::Error)]
#[error("messages could not be pulled from {stream}")]
pub struct PullError {
    stream: &'static str,
    #[source]
    source: async_nats::Error,
}

/// A durable consumer of a work queue.
#[derive(Debug)]
pub struct Intake {
    bus: Bus,
    stream: &'static str,
    consumer: &'static str,
    handle: Option<PullConsumer>,
}

impl Intake {
    /// Will read as this consumer.
    #[must_use]
    pub fn new(bus: Bus, stream: &'static str, consumer: &'static str) -> Self {
        // Shown from the start.
        metrics::worker().redelivered(stream, 0);
        Self { bus, stream, consumer, handle: None }
    }

    /// Waits for messages: at least one, at most `most`, or none after a while.
    ///
    /// # Errors
    /// The bus or the consumer is away.
    pub async fn pull(&mut self, most: usize) -> Result<Vec<Delivery>, PullError> {
        let stream = self.stream;
        self.try_pull(most).await.map_err(|source| {
            // The consumer may have been made anew.
            self.handle = None;
            PullError { stream, source }
        })
    }

    async fn try_pull(&mut self, most: usize) -> Result<Vec<Delivery>, async_nats::Error> {
        if self.handle.is_none() {
            let jetstream = self.bus.jetstream();
            let consumer = jetstream.get_consumer_from_stream::<pull::Config, _, _>(self.consumer, self.stream).await?;
            self.handle = Some(consumer);
        }
        let Some(consumer) = &self.handle else { return Ok(Vec::new()) };
        // What is there already, at once; only an empty queue is waited for, and then for one message.
        let mut taken = Vec::new();
        let mut waiting = consumer.fetch().max_messages(most).messages().await?;
        while let Some(message) = waiting.next().await {
            taken.push(Delivery::stream(message?));
        }
        if taken.is_empty() {
            let mut first = consumer.batch().max_messages(1).expires(PULL_PATIENCE).messages().await?;
            while let Some(message) = first.next().await {
                taken.push(Delivery::stream(message?));
            }
        }
        metrics::worker().redelivered(self.stream, taken.iter().filter(|delivery| delivery.attempts() > 1).count());
        Ok(taken)
    }
}

/// Where messages go that can never work.
#[derive(Debug, Clone)]
pub struct DeadLetters(Bus);

impl DeadLetters {
    /// Publishes over this connection.
    #[must_use]
    pub fn new(bus: Bus) -> Self {
        Self(bus)
    }

    /// Copies the message to `dead.<subject>` with its headers, the reason and the attempts, and waits until the
    /// stream has it. Answers whether it has.
    pub async fn bury(&self, delivery: &Delivery, reason: &str) -> bool {
        let mut headers = delivery.headers();
        headers.insert(header::DEAD_REASON, reason.replace(['\r', '\n'], " "));
        headers.insert(header::DEAD_ATTEMPTS, delivery.attempts().to_string());
        // Checks of its first stream are not meant for this one.
        headers.insert(NATS_MESSAGE_ID, uuid::Uuid::now_v7().to_string());
        let subject = format!("{}{}", subject::DEAD_PREFIX, delivery.subject);
        let publish = self.0.jetstream().publish_with_headers(subject, headers, delivery.payload.clone());
        match publish.await {
            Ok(ack) => ack.await.inspect(|_| metrics::worker().dead_letters.increment(1)).is_ok(),
            Err(_) => false,
        }
    }
}
