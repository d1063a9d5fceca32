//! Messages that a stream holds for us.

use std::time::Duration;

use async_nats::jetstream::consumer::{PullConsumer, pull};
use futures::StreamExt;
use tokio::time::timeout;

use super::{Bus, Delivery};
use crate::metrics;

/// One pull waits this long for its first message. The library's endless iterator can stall for seven times as long
/// after a lost race, so pulls are bounded and repeated.
const PULL_PATIENCE: Duration = Duration::from_secs(5);
/// A pull for what is there is answered at once. When the server dies over it nobody answers, and the library would wait
/// for ever.
const LOST: Duration = Duration::from_secs(5);

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
        // What came before the answer was lost is ours to settle.
        while let Ok(Some(message)) = timeout(LOST, waiting.next()).await {
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
