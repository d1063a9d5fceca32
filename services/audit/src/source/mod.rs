//! Where lines come from: the stream EVENTS, the ledger, or a file. All give batches of lines, each with its place, and
//! read ahead while the lines before are being looked at.

mod file;
mod follow;
mod indexed;
mod ledger;
mod stream;

use std::path::{Path, PathBuf};

use avanzacast_kit::bus::{Bus, EventsError};
use avanzacast_worker::store::{Head, Store, StoreError};
use bytes::Bytes;
use tokio::sync::mpsc;

pub use self::indexed::Reach;
pub(crate) use self::indexed::page as indexed_page;
use crate::{CloudEvent, log::TreeError};

/// Lines read at once: some 2 MB, fewer than a subscription of the bus holds, and some 10 ms of the database.
const BATCH: usize = 4_096;
/// Batches read ahead.
const AHEAD: usize = 2;

/// A line with its place: in the ledger, or in a file.
pub type Line = (u64, Bytes);

/// Why there are no more lines.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The stream's window begins later.
    #[error(
        "EVENTS has no event {asked} any more: it begins at {first}; the ledger has all of them (`--source ledger`)"
    )]
    Gone {
        /// What was asked for.
        asked: u64,
        /// What there is.
        first: u64,
    },
    /// The ledger begins later.
    #[error(
        "the ledger has no event {asked} any more: it begins at {first}; what was before is in the files of `audit archive`"
    )]
    Archived {
        /// What was asked for.
        asked: u64,
        /// What there is.
        first: u64,
    },
    /// It was followed further than it goes now.
    #[error("it goes on to {last} only, and event {place} was there: it was made anew, or has lost events")]
    Shrunk {
        /// The last one that came.
        place: u64,
        /// Its end now.
        last: u64,
    },
    /// The ledger has a gap, or is shorter than its head says.
    #[error("line {place} is missing: the ledger should go on to {last}")]
    Missing {
        /// Where.
        place: u64,
        /// Its size.
        last: u64,
    },
    /// The stream has an end that it does not give.
    #[error("EVENTS says that it goes on to {last}, and gives nothing after {place}")]
    Silent {
        /// The last one that came.
        place: u64,
        /// What it says of itself.
        last: u64,
    },
    /// A line of a file is too long to be one of ours.
    #[error("{file}, line {line}: it is longer than any event")]
    Long {
        /// Which.
        file: PathBuf,
        /// Where.
        line: u64,
    },
    /// A file has a line that is none of ours.
    #[error("{file}, line {line}: {why}")]
    NoEvent {
        /// Which.
        file: PathBuf,
        /// Where.
        line: u64,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A file has an event that is not the ledger's.
    #[error("{file}, line {line}: this is not the event {place} that the ledger has the hash of")]
    Foreign {
        /// Which.
        file: PathBuf,
        /// Where.
        line: u64,
        /// The place that it says.
        place: u64,
    },
    /// The hashes.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// Only so much is looked at for an answer.
    #[error("there are more events to look at than are looked at for one answer")]
    Many,
    /// The stream.
    #[error(transparent)]
    Stream(#[from] EventsError),
    /// The ledger.
    #[error("the ledger cannot be read")]
    Ledger(#[from] StoreError),
    /// A file is not there, or cannot be read.
    #[error("{0} cannot be read")]
    NoFile(PathBuf, #[source] std::io::Error),
}

/// The record, as the bus or as the database has it. What is appended after it was opened is not part of it.
#[derive(Debug)]
pub struct Source(Kind);

#[derive(Debug)]
enum Kind {
    Stream(Box<stream::Window>),
    Ledger(ledger::Ledger),
}

impl Source {
    /// EVENTS, over a connection of the user `audit`.
    ///
    /// # Errors
    /// The stream is not there, or the bus does not answer.
    pub async fn stream(bus: &Bus) -> Result<Self, SourceError> {
        Ok(Self(Kind::Stream(Box::new(stream::Window::open(bus).await?))))
    }

    /// The ledger.
    ///
    /// # Errors
    /// The database is away, or has no ledger.
    pub async fn ledger(store: &Store) -> Result<Self, SourceError> {
        Ok(Self(Kind::Ledger(ledger::Ledger::open(store).await?)))
    }

    /// Its first place; the one after the last when it is empty.
    #[must_use]
    pub fn first(&self) -> u64 {
        match &self.0 {
            Kind::Stream(window) => window.first,
            Kind::Ledger(ledger) => ledger.first,
        }
    }

    /// Its last place; 0 when nothing ever happened.
    #[must_use]
    pub fn last(&self) -> u64 {
        match &self.0 {
            Kind::Stream(window) => window.last,
            Kind::Ledger(ledger) => ledger.size(),
        }
    }

    /// The ledger's head, when this is the ledger.
    #[must_use]
    pub fn head(&self) -> Option<&Head> {
        match &self.0 {
            Kind::Stream(_) => None,
            Kind::Ledger(ledger) => Some(&ledger.head),
        }
    }

    /// Where the first event stands that is not older than this moment (Unix milliseconds). The record is in order of
    /// time, so a few looks find it.
    ///
    /// # Errors
    /// It cannot be read; or it is the stream, and the moment may lie before its window.
    pub async fn since(&mut self, moment: i64) -> Result<u64, SourceError> {
        let (start, mut low, mut high) = (self.first(), self.first(), self.last() + 1);
        while low < high {
            let middle = low + (high - low) / 2;
            let found = self.after(middle - 1, 1).await?;
            let older = found.first().and_then(|(_, line)| {
                let event = CloudEvent::read(line).ok()?;
                Some(avanzacast_kit::time::parse_rfc3339(event.time())? < moment)
            });
            if older.unwrap_or(false) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        if low == start && start > 1 { Err(self.before(start - 1)) } else { Ok(low) }
    }

    /// That it has no such place any more.
    #[must_use]
    pub fn before(&self, asked: u64) -> SourceError {
        let first = self.first();
        match &self.0 {
            Kind::Stream(_) => SourceError::Gone { asked, first },
            Kind::Ledger(_) => SourceError::Archived { asked, first },
        }
    }

    async fn after(&mut self, place: u64, most: usize) -> Result<Vec<Line>, SourceError> {
        match &mut self.0 {
            Kind::Stream(window) => window.after(place, most).await,
            Kind::Ledger(ledger) => ledger.after(place, most).await,
        }
    }

    /// Reads from a place to the end.
    #[must_use]
    pub fn read(self, from: u64) -> Lines {
        self.read_through(from, u64::MAX)
    }

    /// Reads from a place through another, or to the end if that comes first.
    #[must_use]
    pub fn read_through(mut self, from: u64, through: u64) -> Lines {
        let (give, lines) = mpsc::channel(AHEAD);
        tokio::spawn(async move {
            let (mut next, last) = (from.max(1), self.last().min(through));
            while next <= last {
                let most = BATCH.min(usize::try_from(last - next + 1).unwrap_or(BATCH));
                let batch = self.after(next - 1, most).await;
                next = batch.as_ref().ok().and_then(|batch| batch.last()).map_or(u64::MAX, |(place, _)| place + 1);
                // Nobody wants more.
                if give.send(batch).await.is_err() {
                    return;
                }
            }
        });
        Lines { batches: lines, by_place: true }
    }

    /// Reads from a place on, and waits for what is appended, for as long as somebody listens.
    #[must_use]
    pub fn follow(self, from: u64) -> Lines {
        Lines { batches: follow::follow(self, from.max(1)), by_place: true }
    }
}

/// Batches of lines, in order.
#[derive(Debug)]
pub struct Lines {
    batches: mpsc::Receiver<Result<Vec<Line>, SourceError>>,
    by_place: bool,
}

impl Lines {
    /// The lines of a file, numbered from 1; of `-`, those of standard input.
    ///
    /// # Errors
    /// There is no such file.
    pub fn of_file(path: &Path) -> Result<Self, SourceError> {
        Ok(Self { batches: file::read(path)?, by_place: false })
    }

    /// Those lines of the ledger that the index has under any of `keys`, which are of one kind, and all that follow where the
    /// index ends; from a place through another. [`Reach::of`] says where that is.
    ///
    /// # Errors
    /// The database is away.
    pub async fn of_index(
        store: &Store,
        (kind, keys): (&'static str, Vec<String>),
        from: u64,
        through: u64,
    ) -> Result<(Self, Reach), SourceError> {
        let mut session = store.connect().await?;
        let reach = Reach::of(&mut session).await?;
        let place = |place: u64| i64::try_from(place).unwrap_or(i64::MAX);
        let span = (place(from.saturating_sub(1)), place(through.min(reach.size)));
        let batches = indexed::read(session, reach, (kind, keys), span);
        Ok((Self { batches, by_place: true }, reach))
    }

    /// Whether a line's number is its place in the ledger; else it is that in the file.
    #[must_use]
    pub fn by_place(&self) -> bool {
        self.by_place
    }

    /// The next ones; none after the last.
    ///
    /// # Errors
    /// They cannot be had.
    pub async fn next(&mut self) -> Result<Option<Vec<Line>>, SourceError> {
        self.batches.recv().await.transpose()
    }
}
