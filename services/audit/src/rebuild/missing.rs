//! Events that a ledger lost: read where they still are, and looked at, each of them, before any is written.

use std::path::PathBuf;

use avanzacast_kit::bus::{Bus, EventsReader};
use avanzacast_schemas::bus::BusUser;
use avanzacast_worker::{
    ledger::Frontier,
    store::{Head, Session},
};

use super::{Known, ReconcileError, batch};
use crate::{CloudEvent, Line, Lines, Root, Source, log::Checkpoint};

/// Where they are.
#[derive(Debug)]
pub enum Missing {
    /// In EVENTS, as the auditor sees it.
    Stream(Box<Bus>),
    /// In a file, as `audit replay` writes it; beside it the auditor's bus, if that can be reached.
    File(PathBuf, Option<Box<Bus>>),
}

impl Missing {
    /// The lines, from the first that may matter.
    pub(super) async fn lines(&self, after: u64) -> Result<Lines, ReconcileError> {
        match self {
            Self::Stream(bus) => {
                let source = Source::stream(bus).await?;
                let first = source.first().max(after + 1);
                Ok(source.read(first))
            }
            Self::File(path, _) => Ok(Lines::of_file(path)?),
        }
    }

    /// That it is the same ledger; a file does not say.
    pub(super) async fn same(&self, head: &Head) -> Result<(), ReconcileError> {
        let Self::Stream(bus) = self else { return Ok(()) };
        let found = copied(bus).await?;
        if found.as_ref() == Some(&head.ledger_id) {
            return Ok(());
        }
        Err(ReconcileError::Foreign { found: found.unwrap_or_default(), ours: head.ledger_id.clone() })
    }

    /// Beside a file: the last event that EVENTS has of this ledger.
    async fn witness(&self, head: &Head) -> Result<Option<Line>, ReconcileError> {
        let Self::File(_, Some(bus)) = self else { return Ok(None) };
        if copied(bus).await?.as_ref() != Some(&head.ledger_id) {
            return Ok(None);
        }
        let source = Source::stream(bus).await?;
        let last = source.last();
        // One that was emptied has nothing there any more.
        let there = last >= source.first().max(1);
        let found = if there { source.read(last).next().await? } else { None };
        Ok(found.and_then(|lines| lines.into_iter().next()))
    }
}

/// Which ledger EVENTS is a copy of.
async fn copied(bus: &Bus) -> Result<Option<String>, ReconcileError> {
    Ok(EventsReader::new(bus, BusUser::Audit).ledger_id().await.map_err(crate::SourceError::from)?)
}

/// What was found: how far the missing events go, and which root the ledger then has, event by event at the ends of the
/// batches that they will be written in.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) last: u64,
    pub(super) roots: Vec<Root>,
}

/// Looks at all lines: those that the ledger has are the same there; the others continue it, one by one, each well formed;
/// and where a checkpoint is known, the root is that one. A file can say anything: that something is lost, a checkpoint has to
/// say, or EVENTS, which then has the same.
pub(super) async fn look(
    missing: &Missing,
    session: &mut Session,
    head: &Head,
    known: &[Known],
) -> Result<Found, ReconcileError> {
    let size = u64::try_from(head.size).unwrap_or_default();
    let cut = u64::try_from(session.cut().await?).unwrap_or_default();
    let frontier = Frontier::read(size, &head.frontier).map_err(|_| ReconcileError::Head)?;
    for known in known.iter().filter(|known| known.checkpoint.size < size) {
        if let Some(found) = known.contradicts(session).await? {
            let Checkpoint { size, root: wanted, .. } = known.checkpoint;
            return Err(ReconcileError::Root { size, wanted, found });
        }
    }
    let witness = missing.witness(head).await?;
    let known_lost = known.iter().any(|known| known.checkpoint.size > size);
    let told =
        matches!(missing, Missing::Stream(_)) || known_lost || witness.as_ref().is_some_and(|(at, _)| *at > size);
    let mut look = Look { frontier, next: None, had: size, known, witness, roots: Vec::new() };
    look.compare_root()?;
    // What is archived is here no more, and is not compared.
    let mut lines = missing.lines(cut).await?;
    while let Some(batch) = lines.next().await? {
        let batch: Vec<(u64, Line)> = placed(batch, lines.by_place(), &mut look.next)?;
        let (had, new): (Vec<_>, Vec<_>) = batch.into_iter().partition(|(place, _)| *place <= size);
        same(session, had.iter().filter(|(place, _)| *place > cut)).await?;
        for (place, (_, line)) in new {
            if !told {
                return Err(ReconcileError::Untold { last: size });
            }
            look.take(place, &line)?;
        }
    }
    let last = look.frontier.size();
    look.roots.push(Root(look.frontier.root()));
    match known.iter().map(|known| known.checkpoint.size).find(|size| *size > last) {
        Some(checkpoint) => Err(ReconcileError::Short { checkpoint, last }),
        None => Ok(Found { last, roots: look.roots }),
    }
}

/// Each line with the place that it names itself; every one follows the one before.
fn placed(batch: Vec<Line>, by_place: bool, next: &mut Option<u64>) -> Result<Vec<(u64, Line)>, ReconcileError> {
    let place = |line: Line| {
        let wrong = |why| ReconcileError::Line { number: line.0, why };
        let place = CloudEvent::read(&line.1).map_err(wrong)?.place().unwrap_or_default();
        if by_place && place != line.0 {
            return Err(wrong("it names another place than the stream gives it"));
        }
        match next.replace(place + 1) {
            Some(expected) if expected != place => Err(ReconcileError::Missing { place: expected, found: place }),
            Some(_) | None => Ok((place, line)),
        }
    };
    batch.into_iter().map(place).collect()
}

/// Lines that both have are the same.
async fn same<'a>(session: &mut Session, lines: impl Iterator<Item = &'a (u64, Line)>) -> Result<(), ReconcileError> {
    let lines: Vec<_> = lines.collect();
    let (Some((first, _)), Some((last, _))) = (lines.first(), lines.last()) else { return Ok(()) };
    let whole = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let ours = session.events(whole(*first) - 1, whole(last.saturating_sub(*first) + 1)).await?;
    let mut ours = ours.into_iter();
    for (place, (_, line)) in lines {
        match ours.next() {
            Some((seq, body)) if seq == whole(*place) && body.as_bytes() == line => {}
            Some(_) | None => return Err(ReconcileError::Differs { place: *place }),
        }
    }
    Ok(())
}

/// The tree, as it grows by what is missing.
struct Look<'a> {
    frontier: Frontier,
    /// What the next line should be; unset before the first.
    next: Option<u64>,
    /// How far the ledger goes.
    had: u64,
    known: &'a [Known],
    /// The last event of EVENTS.
    witness: Option<Line>,
    roots: Vec<Root>,
}

impl Look<'_> {
    fn take(&mut self, place: u64, line: &[u8]) -> Result<(), ReconcileError> {
        let after = self.frontier.size();
        if place != after + 1 {
            return Err(ReconcileError::Missing { place: after + 1, found: place });
        }
        if self.witness.as_ref().is_some_and(|(at, there)| *at == place && *there != line) {
            return Err(ReconcileError::Otherwise { place });
        }
        let wrong = |why| ReconcileError::Line { number: place, why };
        let event = CloudEvent::read(line).map_err(wrong)?;
        batch::told(&event).map_err(wrong)?;
        self.frontier.append(line);
        if (place - self.had).is_multiple_of(batch::BATCH as u64) {
            self.roots.push(Root(self.frontier.root()));
        }
        self.compare_root()
    }

    fn compare_root(&self) -> Result<(), ReconcileError> {
        let (size, found) = (self.frontier.size(), Root(self.frontier.root()));
        let mut known = self.known.iter().map(|known| &known.checkpoint);
        match known.find(|known| known.size == size && known.root != found) {
            Some(known) => Err(ReconcileError::Root { size, wanted: known.root, found }),
            None => Ok(()),
        }
    }
}
