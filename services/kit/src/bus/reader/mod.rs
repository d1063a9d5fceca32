//! The EVENTS stream, as its readers see it: event by event from any place, with nothing that outlives them.

mod consumed;
mod fetched;

use std::time::Duration;

use async_nats::jetstream;
use avanzacast_schemas::bus::{BusUser, stream};
use bytes::Bytes;
use tokio::time::timeout;

use self::{consumed::Consumed, fetched::Fetched};
use super::{Bus, EventsError, SERVER_TIMEOUT};

/// How long a read waits for an event that is not there yet.
const PATIENCE: Duration = Duration::from_secs(5);
/// A read that takes longer than that, and the server's answer, has lost its consumer.
const LOST: Duration = PATIENCE.saturating_add(SERVER_TIMEOUT);
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
    way: Way,
}

/// How events come. Whoever may make a consumer chooses where it delivers to, also to subjects that it may not publish to
/// itself: so that is for our own services, and the auditor asks for each batch.
#[derive(Debug)]
enum Way {
    Consumed(Option<Box<Consumed>>),
    Fetched(Box<Fetched>),
}

impl EventsReader {
    /// Will read over this connection, as this user.
    #[must_use]
    pub fn new(bus: &Bus, user: BusUser) -> Self {
        let (mut jetstream, way) = match user {
            BusUser::Audit => (
                jetstream::with_prefix(bus.client().clone(), AUDIT_PREFIX),
                Way::Fetched(Box::new(Fetched::new(bus.client().clone(), AUDIT_PREFIX))),
            ),
            BusUser::Edge
            | BusUser::Session
            | BusUser::Studio
            | BusUser::Room
            | BusUser::AuditWorker
            | BusUser::TokenServer
            | BusUser::Admin => (bus.jetstream().clone(), Way::Consumed(None)),
        };
        jetstream.set_timeout(SERVER_TIMEOUT);
        Self { jetstream, way }
    }

    /// The events after a place, at most `most`; waits a little for the first.
    ///
    /// # Errors
    /// The stream is not there, or the bus does not answer.
    pub async fn after(&mut self, position: u64, most: usize) -> Result<EventsRead, EventsError> {
        let next = position + 1;
        let consumed = match &mut self.way {
            Way::Fetched(fetched) => return fetched.from(next, most).await.map_err(EventsError),
            Way::Consumed(consumed) => consumed,
        };
        let mut open = match consumed.take().filter(|open| open.next() == next) {
            Some(open) => open,
            None => Box::new(Consumed::open(&self.jetstream, next).await.map_err(EventsError)?),
        };
        let read = timeout(LOST, open.read(most)).await.map_err(|lost| EventsError(lost.into()))?;
        let read = read.map_err(EventsError)?;
        if matches!(read, EventsRead::Events(_)) {
            *consumed = Some(open);
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
}
