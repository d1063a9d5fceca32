//! EVENTS, as the auditor sees it.

use avanzacast_kit::bus::{Bus, EventsRead, EventsReader};
use avanzacast_schemas::bus::BusUser;

use super::{Line, SourceError};

/// What the stream had when it was opened.
#[derive(Debug)]
pub(super) struct Window {
    reader: EventsReader,
    pub(super) first: u64,
    pub(super) last: u64,
}

impl Window {
    pub(super) async fn open(bus: &Bus) -> Result<Self, SourceError> {
        let reader = EventsReader::new(bus, BusUser::Audit);
        let (first, last) = reader.window().await?;
        Ok(Self { reader, first, last })
    }

    pub(super) async fn after(&mut self, place: u64, most: usize) -> Result<Vec<Line>, SourceError> {
        let gone = |first| SourceError::Gone { asked: place + 1, first };
        if place + 1 < self.first {
            return Err(gone(self.first));
        }
        match self.wait(place, most).await? {
            events if events.is_empty() => Err(SourceError::Silent { place, last: self.last }),
            events => Ok(events),
        }
    }

    /// The same; none, when nothing comes for some seconds.
    pub(super) async fn wait(&mut self, place: u64, most: usize) -> Result<Vec<Line>, SourceError> {
        match self.reader.after(place, most).await? {
            EventsRead::Events(events) => Ok(events),
            // It has moved on since it was opened.
            EventsRead::Gone => Err(SourceError::Gone { asked: place + 1, first: self.reader.window().await?.0 }),
        }
    }

    /// Where it ends now.
    pub(super) async fn look_again(&mut self) -> Result<(), SourceError> {
        (self.first, self.last) = self.reader.window().await?;
        Ok(())
    }
}
