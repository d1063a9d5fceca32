//! EVENTS by a consumer of the reader's own, which pushes on as fast as the bus goes.

use std::time::Duration;

use async_nats::jetstream::{
    self,
    consumer::{AckPolicy, DeliverPolicy, PullConsumer, pull},
};
use avanzacast_schemas::bus::stream;
use bytes::Bytes;
use futures::StreamExt;

use super::{EventsRead, PATIENCE};

/// The server forgets a consumer that nobody reads from.
const FORGET: Duration = Duration::from_secs(30);

/// A consumer, and where it stands.
#[derive(Debug)]
pub(super) struct Consumed {
    consumer: PullConsumer,
    next: u64,
}

impl Consumed {
    /// Makes one that begins at a place.
    pub(super) async fn open(jetstream: &jetstream::Context, next: u64) -> Result<Self, async_nats::Error> {
        let events = jetstream.get_stream_no_info(stream::EVENTS).await?;
        let config = pull::Config {
            // Named, because that is what a reader may create; and of this reader alone.
            name: Some(format!("reader_{}", uuid::Uuid::new_v4().simple())),
            deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: next },
            ack_policy: AckPolicy::None,
            inactive_threshold: FORGET,
            memory_storage: true,
            num_replicas: 1,
            ..pull::Config::default()
        };
        Ok(Self { consumer: events.create_consumer(config).await?, next })
    }

    /// The place of the event that comes next.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// What is there already, at once; only an end is waited at, and then for one event.
    pub(super) async fn read(&mut self, most: usize) -> Result<EventsRead, async_nats::Error> {
        let mut events = Vec::new();
        let mut waiting = self.consumer.fetch().max_messages(most).messages().await?;
        while let Some(message) = waiting.next().await {
            if !self.take(&message?, &mut events)? {
                return Ok(EventsRead::Gone);
            }
        }
        if events.is_empty() {
            let mut first = self.consumer.batch().max_messages(1).expires(PATIENCE).messages().await?;
            while let Some(message) = first.next().await {
                if !self.take(&message?, &mut events)? {
                    return Ok(EventsRead::Gone);
                }
            }
        }
        Ok(EventsRead::Events(events))
    }

    /// Takes a message that is the next one; answers whether it was.
    fn take(
        &mut self,
        message: &jetstream::Message,
        events: &mut Vec<(u64, Bytes)>,
    ) -> Result<bool, async_nats::Error> {
        let sequence = message.info()?.stream_sequence;
        if sequence != self.next {
            return Ok(false);
        }
        events.push((sequence, message.payload.clone()));
        self.next += 1;
        Ok(true)
    }
}
