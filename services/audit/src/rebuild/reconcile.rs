//! A database that lost rows is brought up to date: ledger and state together, from events that are elsewhere.

use avanzacast_worker::{
    ledger::Frontier,
    store::{Head, Plan, Session, Store, StoreError},
};
use bytes::Bytes;

use super::{
    Known,
    batch::{self, BATCH},
    missing::{self, Found, Missing},
};
use crate::{CloudEvent, Root, SourceError};

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reconciled {
    /// Where the ledger ended.
    pub from: u64,
    /// Where it ends.
    pub to: u64,
    /// Its root.
    pub root: Root,
}

/// The ledger cannot be brought up to date. Unless it says so, nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    /// It went another way since.
    #[error(
        "event {place} is another one in this ledger: it was appended to after it had lost something; restore the newer \
         database, or give up what is lost (--accept-loss)"
    )]
    Differs {
        /// Where.
        place: u64,
    },
    /// What is missing is not all there.
    #[error("event {place} is missing here and there: {found} comes next")]
    Missing {
        /// What should come.
        place: u64,
        /// What does.
        found: u64,
    },
    /// It is no event of ours.
    #[error("line {number}: {why}")]
    Line {
        /// Which one.
        number: u64,
        /// Why.
        why: &'static str,
    },
    /// It is not what was signed.
    #[error("at size {size} the root would be {found}, and a checkpoint says {wanted}")]
    Root {
        /// At which size.
        size: u64,
        /// What was signed.
        wanted: Root,
        /// What it is.
        found: Root,
    },
    /// More was signed than is left.
    #[error("a checkpoint names {checkpoint} events, and what is left goes to {last}; look for the others first")]
    Short {
        /// What was signed.
        checkpoint: u64,
        /// What there is.
        last: u64,
    },
    /// Nothing but the file says that there was more.
    #[error(
        "nothing says that this ledger lost what came after event {last}: name the checkpoint that was signed last \
         (--checkpoint, --vkey), or let this command reach the bus whose EVENTS goes further"
    )]
    Untold {
        /// Where it ends.
        last: u64,
    },
    /// The file and EVENTS do not agree.
    #[error("event {place} is another one in EVENTS")]
    Otherwise {
        /// Where.
        place: u64,
    },
    /// Another ledger's.
    #[error("ledger_foreign: EVENTS is a copy of ledger {found}, and this database holds ledger {ours}")]
    Foreign {
        /// Which one, or nothing.
        found: String,
        /// Ours.
        ours: String,
    },
    /// The head is damaged.
    #[error("the ledger's head does not fit its own size")]
    Head,
    /// The lines are other ones than a moment ago; what was written before is good.
    #[error("after event {after} the lines are not those that were looked at")]
    Changed {
        /// The last that was written.
        after: u64,
    },
    /// Somebody else writes.
    #[error("somebody else appends to this ledger")]
    Moved,
    /// Lines cannot be had.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The database failed; what was written before is good, and the same command goes on from there.
    #[error("the database failed")]
    Store(#[from] StoreError),
}

/// Appends the events that a ledger lost, as they are, and applies them to state, batch by batch. It looks at all of them
/// before it writes any, and done again it goes on where it was ended.
///
/// # Errors
/// [`ReconcileError`].
pub async fn reconcile(store: &Store, from: &Missing, known: &[Known]) -> Result<Reconciled, ReconcileError> {
    let mut session = store.connect().await?;
    let head = session.head().await?;
    from.same(&head).await?;
    let found = missing::look(from, &mut session, &head, known).await?;
    let size = u64::try_from(head.size).unwrap_or_default();
    // A ledger that has lost nothing may have grown in the meantime, with EVENTS.
    let grown = u64::try_from(session.head().await?.size).unwrap_or_default();
    if found.last > grown {
        Writer::new(&head, session, &found)?.write(from, size).await?;
    }
    let root = found.roots.last().copied().ok_or(ReconcileError::Head)?;
    Ok(Reconciled { from: size, to: found.last, root })
}

struct Writer<'a> {
    session: Session,
    frontier: Frontier,
    /// What the root must be after each batch.
    roots: std::slice::Iter<'a, Root>,
}

impl<'a> Writer<'a> {
    fn new(head: &Head, session: Session, found: &'a Found) -> Result<Self, ReconcileError> {
        let size = u64::try_from(head.size).unwrap_or_default();
        let frontier = Frontier::read(size, &head.frontier).map_err(|_| ReconcileError::Head)?;
        Ok(Self { session, frontier, roots: found.roots.iter() })
    }

    async fn write(mut self, from: &Missing, size: u64) -> Result<(), ReconcileError> {
        let mut lines = from.lines(size).await?;
        let mut waiting: Vec<Bytes> = Vec::with_capacity(BATCH);
        while let Some(batch) = lines.next().await? {
            for (_, line) in batch {
                if CloudEvent::read(&line).ok().and_then(|event| event.place()).is_some_and(|place| place > size) {
                    waiting.push(line);
                }
                if waiting.len() == BATCH {
                    self.batch(&std::mem::take(&mut waiting)).await?;
                }
            }
        }
        if waiting.is_empty() { Ok(()) } else { self.batch(&waiting).await }
    }

    /// One transaction: the very bytes, the head, and what they make of state.
    async fn batch(&mut self, lines: &[Bytes]) -> Result<(), ReconcileError> {
        let after = self.frontier.size();
        let changed = || ReconcileError::Changed { after };
        let (mut told, mut bodies) = (Vec::with_capacity(lines.len()), Vec::with_capacity(lines.len()));
        for line in lines {
            let event = CloudEvent::read(line).map_err(|_| changed())?;
            told.extend(batch::told(&event).map_err(|_| changed())?);
            self.frontier.append(line);
            bodies.push(str::from_utf8(line).map_err(|_| changed())?.to_owned());
        }
        // The stream may have grown since it was looked at; what it has more was not.
        if self.roots.next() != Some(&Root(self.frontier.root())) {
            return Err(changed());
        }
        self.session.lock().await?;
        let state = batch::fold(&mut self.session, told).await?;
        let plan = Plan { bodies, frontier: self.frontier.bytes(), changes: batch::changes(&state) };
        if !self.session.write(i64::try_from(after).unwrap_or(i64::MAX), &plan).await? {
            return Err(ReconcileError::Moved);
        }
        batch::forget(&mut self.session, &state.forgotten).await?;
        Ok(self.session.commit().await?)
    }
}
