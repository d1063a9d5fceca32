//! Files of what the ledger has no more. Nobody has to believe them: the ledger keeps the hash of every event, and a line
//! counts when it is what that is the hash of.

use std::path::{Path, PathBuf};

use avanzacast_worker::{
    ledger::{Hash, leaf},
    store::{Session, Store},
};

use super::{gather::Within, told::Told};
use crate::{
    CloudEvent, Filter, Lines, SourceError,
    log::{FULL, TileId, Tree},
};

/// The type of the events that tell of a gap.
const GAP: &str = "presence.gap";

/// What was read of files.
#[derive(Debug, Default)]
pub(super) struct Archives {
    /// What is wanted of them.
    pub(super) events: Vec<Told>,
    /// When nobody was told who was where.
    pub(super) gaps: Vec<Told>,
    /// Places that follow one another, each with its end.
    spans: Vec<(u64, u64)>,
}

impl Archives {
    /// Reads files of the ledger's events.
    ///
    /// # Errors
    /// One cannot be read, or holds something else.
    pub(super) async fn of(
        store: &Store,
        files: &[PathBuf],
        filter: &Filter,
        within: &mut Within,
    ) -> Result<Self, SourceError> {
        let mut read = Self::default();
        if files.is_empty() {
            return Ok(read);
        }
        let mut leaves = Leaves::of(store).await?;
        for file in files {
            let mut lines = Lines::of_file(file)?;
            while let Some(batch) = lines.next().await? {
                within.looked_at(batch.len())?;
                for (number, line) in batch {
                    let (place, is_gap) = leaves.proved(file, number, &line).await?;
                    read.add(place);
                    if is_gap {
                        read.gaps.extend(Told::read(&line));
                    }
                    read.events.extend(Some(&line).filter(|line| filter.wants(line)).and_then(|line| Told::read(line)));
                }
            }
        }
        Ok(read)
    }

    fn add(&mut self, place: u64) {
        match self.spans.last_mut() {
            Some((_, last)) if *last + 1 == place => *last = place,
            Some(_) | None => self.spans.push((place, place)),
        }
    }

    /// Whether these are all events from the first to this one.
    pub(super) fn are_all(mut self, through: u64) -> bool {
        self.spans.sort_unstable();
        let reach = |reached: u64, (first, last): &(u64, u64)| {
            if *first <= reached + 1 { reached.max(*last) } else { reached }
        };
        self.spans.iter().fold(0, reach) >= through
    }
}

/// The hashes of the ledger's events. Files are in order, so a tile is read once.
struct Leaves {
    session: Session,
    size: u64,
    tile: Option<(u64, Vec<Hash>)>,
}

impl Leaves {
    async fn of(store: &Store) -> Result<Self, SourceError> {
        let mut session = store.connect().await?;
        let size = u64::try_from(session.head().await?.size).unwrap_or_default();
        Ok(Self { session, size, tile: None })
    }

    /// The place of a line that is the ledger's, and whether it tells of a gap.
    async fn proved(&mut self, file: &Path, number: u64, line: &[u8]) -> Result<(u64, bool), SourceError> {
        let no_event = |why| SourceError::NoEvent { file: file.to_owned(), line: number, why };
        let event = CloudEvent::read(line).map_err(no_event)?;
        let place = event.place().ok_or_else(|| no_event("it has no place"))?;
        if self.at(place).await? == Some(leaf(line)) {
            return Ok((place, event.kind() == GAP));
        }
        Err(SourceError::Foreign { file: file.to_owned(), line: number, place })
    }

    async fn at(&mut self, place: u64) -> Result<Option<Hash>, SourceError> {
        let Some(index) = place.checked_sub(1).filter(|index| *index < self.size) else { return Ok(None) };
        let (n, within) = (index / FULL, usize::try_from(index % FULL).unwrap_or_default());
        if let Some((read, hashes)) = &self.tile
            && *read == n
        {
            return Ok(hashes.get(within).copied());
        }
        let width = u16::try_from(FULL.min(self.size - n * FULL)).unwrap_or_default();
        let hashes = Tree::new(&mut self.session).tile(TileId { level: 0, n, width }, self.size).await?;
        let hashes = hashes.unwrap_or_default();
        let hash = hashes.get(within).copied();
        self.tile = Some((n, hashes));
        Ok(hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_read_is_there() {
        let all = |places: &[u64], through: u64| {
            let mut read = Archives::default();
            places.iter().for_each(|place| read.add(*place));
            read.are_all(through)
        };
        assert!(all(&[], 0) && all(&[1, 2, 3], 3) && all(&[1, 2, 3], 2));
        assert!(all(&[3, 4, 1, 2, 2, 3], 4), "files may overlap, and come in any order");
        assert!(!all(&[1, 256], 256) && !all(&[2, 3], 3) && !all(&[1, 2], 3) && !all(&[], 1));
    }
}
