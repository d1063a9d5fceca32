//! Where the lines of one or more logs come from, one log after the other.

use std::path::Path;

use avanzacast_worker::store::{Kept, Look, Store, StoreError};
use bytes::Bytes;

use super::{RebuildError, new_log::gaps_before};
use crate::{Line, Lines, Source};

/// Lines read at once from a log that is kept.
const RUN: i64 = 4_096;

/// A part of the record.
#[derive(Debug)]
pub struct Feed(Kind);

#[derive(Debug)]
enum Kind {
    Lines { lines: Lines, through: u64 },
    Kept { look: Look, kept: Kept, after: i64 },
}

impl Feed {
    /// The lines of a file, compressed or not.
    ///
    /// # Errors
    /// There is no such file.
    pub fn of_file(path: &Path) -> Result<Self, RebuildError> {
        Ok(Self(Kind::Lines { lines: Lines::of_file(path)?, through: u64::MAX }))
    }

    /// A database's ledger up to a size, and before it every log that it took the place of.
    ///
    /// # Errors
    /// The database is away.
    pub async fn of_all(store: &Store, through: u64) -> Result<Vec<Self>, RebuildError> {
        let mut feeds = vec![Self::of_ledger(store, through).await?];
        for gap in gaps_before(store).await? {
            let kept = Kept::of(&gap.previous_ledger_id).ok_or(RebuildError::NotKept)?;
            feeds.insert(0, Self::of_kept(store, kept).await?);
        }
        Ok(feeds)
    }

    /// A database's ledger up to a size, and nothing before it.
    ///
    /// # Errors
    /// The database is away.
    pub async fn of_ledger(store: &Store, through: u64) -> Result<Self, RebuildError> {
        let source = Source::ledger(store).await?;
        let first = source.first();
        Ok(Self(Kind::Lines { lines: source.read(first), through }))
    }

    /// A log that was given up.
    ///
    /// # Errors
    /// The database is away.
    pub async fn of_kept(store: &Store, kept: Kept) -> Result<Self, StoreError> {
        Ok(Self(Kind::Kept { look: store.look().await?, kept, after: 0 }))
    }

    /// The next lines; none after the last.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<Bytes>>, RebuildError> {
        match &mut self.0 {
            Kind::Lines { lines, through } => {
                let by_place = lines.by_place();
                let Some(batch) = lines.next().await? else { return Ok(None) };
                let wanted = batch.into_iter().filter(|(place, _): &Line| !by_place || *place <= *through);
                Ok(Some(wanted.map(|(_, line)| line).collect()))
            }
            Kind::Kept { look, kept, after } => {
                let lines = look.kept(kept, *after, RUN).await?;
                *after = lines.last().map_or(*after, |(place, _)| *place);
                Ok((!lines.is_empty()).then(|| lines.into_iter().map(|(_, body)| body.into()).collect()))
            }
        }
    }
}
