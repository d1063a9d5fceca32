//! What EVENTS has of a ledger: nothing is appended to one that has lost something.

use avanzacast_kit::bus::{Bus, EventsReader};
use avanzacast_schemas::bus::BusUser;
use avanzacast_worker::store::Session;
use bytes::Bytes;

use super::ArchiveError;
use crate::{Source, SourceError};

/// How far EVENTS goes, and of which ledger it is a copy.
#[derive(Debug)]
pub struct Relayed {
    pub(super) last: u64,
    ledger_id: Option<String>,
    line: Option<Bytes>,
}

impl Relayed {
    /// As it is now.
    ///
    /// # Errors
    /// The stream is not there, or the bus does not answer.
    pub async fn of(bus: &Bus) -> Result<Self, SourceError> {
        let source = Source::stream(bus).await?;
        let ledger_id = EventsReader::new(bus, BusUser::Audit).ledger_id().await?;
        let (first, last) = (source.first(), source.last());
        let line = match first <= last {
            true => source.read(last).next().await?.into_iter().flatten().next().map(|(_, line)| line),
            false => None,
        };
        Ok(Self { last, ledger_id, line })
    }

    /// That the ledger has what EVENTS has.
    pub(super) async fn agrees(&self, session: &mut Session) -> Result<(), ArchiveError> {
        let head = session.head().await?;
        let last = i64::try_from(self.last).unwrap_or(i64::MAX);
        let found = session.events(last - 1, 1).await?.into_iter().find(|(place, _)| *place == last);
        let same = self.line.as_ref().is_none_or(|line| found.is_some_and(|(_, body)| body.as_bytes() == line));
        let whole = self.ledger_id.as_ref() == Some(&head.ledger_id) && last <= head.size && same;
        if whole { Ok(()) } else { Err(ArchiveError::Disagrees) }
    }
}
