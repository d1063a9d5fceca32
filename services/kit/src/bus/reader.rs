//! The EVENTS stream, as its readers see it: event by event from any place, with no consumer that outlives them.

use std::time::Duration;

use async_nats::jetstream::{
    self,
    consumer::{AckPolicy, DeliverPolicy, PullConsumer, pull},
};
use avanzacast_schemas::bus::{BusUser, stream};
use bytes::Bytes;
use futures::StreamExt;
use tokio::time::timeout;

use super::{Bus, EventsError, SERVER_TIMEOUT};

/// How long a read waits for an event that is not there yet.
const PATIENCE: Duration = Duration::from_secs(5);
/// A read that takes longer than that, and the server's answer, has lost its consumer.
const LOST: Duration = PATIENCE.saturating_add(SERVER_TIMEOUT);
/// The server forgets a consumer that nobody reads from.
const FORGET: Duration = Duration::from_secs(30);
/// Where the auditor finds the stream's interface: its account imports it under this prefix.
const AUDIT_PREFIX: &str = "APPJS.API";

/// What a read found.
#[derive(Debug)]
pub enum EventsRead {
    /// The events that follow, in order and without a gap, with their sequences; none when nothing has happened for
    /// a few seconds.
    Events(Vec<(u64, Bytes)>),
    /// The stream has no such place any more; older events are in the ledger.
    Gone,
}

/// A reader of EVENTS. What it gives is in order and without a gap: it checks each sequence itself, so a consumer that
/// the server has lost, or a stream that was made anew, shows as an error or as [`EventsRead::Gone`] and never as
/// events left out.
#[derive(Debug)]
pub struct EventsReader {
    jetstream: jetstream::Context,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    consumer: PullConsumer,
    next: u64,
}

impl EventsReader {
    /// Will read over this connection, as this user.
    #[must_use]
    pub fn new(bus: &Bus, user: BusUser) -> Self {
        let mut jetstream = match user {
            BusUser::Audit => jetstream::with_prefix(bus.client().clone(), AUDIT_PREFIX),
            BusUser::Edge
            | BusUser::Session
            | BusUser::Studio
            | BusUser::Room
            | BusUser::AuditWorker
            | BusUser::TokenServer
            | BusUser::Admin => bus.jetstream().clone(),
        };
        jetstream.set_timeout(SERVER_TIMEOUT);
        Self { jetstream, open: None }
    }

    /// The events after a place, at most `most`; waits a little for the first.
    ///
    /// # Errors
    /// The stream is not there, or the bus does not answer.
    pub async fn after(&mut self, position: u64, most: usize) -> Result<EventsRead, EventsError> {
        let next = position + 1;
        let mut open = match self.open.take() {
            Some(open) if open.next == next => open,
            Some(_) | None => Open { consumer: self.consumer(next).await.map_err(EventsError)?, next },
        };
        let read = timeout(LOST, open.read(most)).await.map_err(|lost| EventsError(lost.into()))?;
        let read = read.map_err(EventsError)?;
        if matches!(read, EventsRead::Events(_)) {
            self.open = Some(open);
        }
        Ok(read)
    }

    /// The first and the last place that the stream has now; an empty stream ends before it begins.
    ///
    /// # Errors
    /// The stream is not there, or the bus does not answer.
    pub async fn window(&self) -> Result<(u64, u64), EventsError> {
        let events = self.jetstream.get_stream(stream::EVENTS).await.map_err(|error| EventsError(error.into()))?;
        let state = &events.cached_info().state;
        Ok((state.first_sequence.max(1), state.last_sequence))
    }

    /// Which ledger the stream copies, as it says itself.
    ///
    /// # Errors
    /// The stream is not there, or the bus does not answer.
    pub async fn ledger_id(&self) -> Result<Option<String>, EventsError> {
        let events = self.jetstream.get_stream(stream::EVENTS).await.map_err(|error| EventsError(error.into()))?;
        Ok(events.cached_info().config.metadata.get(stream::LEDGER_ID).cloned())
    }

    async fn consumer(&self, next: u64) -> Result<PullConsumer, async_nats::Error> {
        let events = self.jetstream.get_stream_no_info(stream::EVENTS).await?;
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
        Ok(events.create_consumer(config).await?)
    }
}

impl Open {
    /// What is there already, at once; only an end is waited at, and then for one event.
    async fn read(&mut self, most: usize) -> Result<EventsRead, async_nats::Error> {
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
