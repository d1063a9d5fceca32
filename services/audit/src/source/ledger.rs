//! The ledger itself.

use avanzacast_worker::store::{Head, Session, Store};
use bytes::Bytes;

use super::{Line, SourceError};

/// The ledger, as long as it was when it was opened.
#[derive(Debug)]
pub(super) struct Ledger {
    store: Store,
    session: Session,
    pub(super) head: Head,
    /// What is before it is archived.
    pub(super) first: u64,
}

impl Ledger {
    pub(super) async fn open(store: &Store) -> Result<Self, SourceError> {
        let mut session = store.connect().await?;
        let head = session.head().await?;
        let first = u64::try_from(session.cut().await?).unwrap_or_default() + 1;
        Ok(Self { store: store.clone(), session, head, first })
    }

    /// As long as it is now.
    pub(super) async fn look_again(&mut self) -> Result<(), SourceError> {
        match self.session.head().await {
            Ok(head) => self.head = head,
            // The connection may have died.
            Err(_) => *self = Self::open(&self.store.clone()).await?,
        }
        Ok(())
    }

    pub(super) fn size(&self) -> u64 {
        u64::try_from(self.head.size).unwrap_or_default()
    }

    /// Lines as they are there; the first that should follow and neither does nor is archived is an error.
    pub(super) async fn after(&mut self, place: u64, most: usize) -> Result<Vec<Line>, SourceError> {
        let whole = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let found = self.session.events(whole(place), i64::try_from(most).unwrap_or(i64::MAX)).await?;
        let follows = found.iter().zip(place + 1..).take_while(|((seq, _), place)| *seq == whole(*place)).count();
        if follows == 0 {
            // An archive may have taken it since this was opened.
            self.first = u64::try_from(self.session.cut().await?).unwrap_or_default() + 1;
            if place + 1 < self.first {
                return Err(SourceError::Archived { asked: place + 1, first: self.first });
            }
            return Err(SourceError::Missing { place: place + 1, last: self.size() });
        }
        let lines = found.into_iter().take(follows);
        Ok((place + 1..).zip(lines.map(|(_, body)| Bytes::from(body))).collect())
    }
}
