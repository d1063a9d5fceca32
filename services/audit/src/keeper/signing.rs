//! Checkpoints: signed when the ledger has grown, and only when what was followed, what the ledger says of itself and what
//! was signed before are one history.

use std::{path::PathBuf, sync::Arc, time::Duration};

use avanzacast_kit::{metrics, time};
use avanzacast_worker::{
    ledger::Frontier,
    store::{Change, Head, Kind, Op, Session, StoreError, Table},
};

use super::{
    keys::{Keys, UnnamedError},
    outside::Outside,
};
use crate::{
    Root,
    log::{self, Checkpoint, Origin, SigningKey, Tree, TreeError},
};

static CHECKPOINT: Table = Table {
    name: "checkpoint",
    columns: &[("size", Kind::Int), ("root", Kind::Text), ("note", Kind::Text), ("signed_at", Kind::Int)],
};
/// Growth that is signed at once.
const GROWN: u64 = 10_000;
/// Further behind the ledger's end nothing is signed: it is caught up with first.
const BEHIND: u64 = 50_000;
/// Events read at once.
const RUN: i64 = 4_096;

/// When checkpoints are signed.
#[derive(Debug)]
pub struct SigningConfig {
    /// How often, when the ledger has grown a little.
    pub every: Duration,
    /// A file outside of the database with what was signed, if there is one.
    pub file: Option<PathBuf>,
}

/// Why nothing is signed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refused {
    #[error("the ledger's head is not what its events come to")]
    Head,
    #[error("the ledger has {size} events, and {signed} were signed by {whom}")]
    Lost { size: u64, signed: u64, whom: &'static str },
    #[error("the first {size} events are not those that were signed by {whom}")]
    Rewritten { size: u64, whom: &'static str },
    #[error("the checkpoint that was signed last cannot be read")]
    Unreadable,
    #[error("the file of checkpoints cannot be read")]
    File(#[from] std::io::Error),
    #[error(transparent)]
    Tree(#[from] TreeError),
    #[error("the checkpoint that was signed last is of the log {found}, and this log is called {ours}")]
    Renamed { found: Origin, ours: Origin },
    #[error(transparent)]
    Unnamed(UnnamedError),
    #[error("the checkpoint could not be signed")]
    Signing(#[from] crate::log::CheckpointError),
}

impl Refused {
    /// What to do about it.
    fn advice(&self) -> &'static str {
        match self {
            Self::Renamed { .. } | Self::Unnamed(_) => {
                "a log keeps its name, and a new log has one of its own: set AUDIT_ORIGIN and AUDIT_SIGNING_KEY \
                 accordingly, or unset them, and start this again"
            }
            Self::Head
            | Self::Lost { .. }
            | Self::Rewritten { .. }
            | Self::Unreadable
            | Self::File(_)
            | Self::Tree(_)
            | Self::Signing(_) => {
                "this is not the history that was signed; `avanzacast audit verify` says where it differs"
            }
        }
    }
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Self::Tree(error.into())
    }
}

impl From<UnnamedError> for Refused {
    fn from(error: UnnamedError) -> Self {
        match error {
            UnnamedError::Store(error) => error.into(),
            UnnamedError::Earlier(_) | UnnamedError::Id(_) | UnnamedError::Keys(_) => Self::Unnamed(error),
        }
    }
}

/// How far the ledger was followed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reached<'a> {
    /// Which ledger.
    pub(super) log: &'a str,
    /// All of it, with what is in hand.
    pub(super) tree: &'a Frontier,
    /// What is stored of it: only that can be compared with what was signed.
    pub(super) stored: u64,
}

/// What was signed before, as far as it was looked at.
#[derive(Debug, Clone, Copy)]
struct Last {
    size: u64,
    at: i64,
}

/// Signs for one process, as long as it leads.
#[derive(Debug)]
pub(super) struct Signing {
    keys: Arc<Keys>,
    /// The log that all of this is about.
    log: String,
    every: Duration,
    outside: Option<Outside>,
    last: Option<Last>,
    refuses: bool,
    /// Whether it was said that the file outside cannot be read.
    blind: bool,
}

impl Signing {
    pub(super) fn new(SigningConfig { every, file }: SigningConfig, keys: Arc<Keys>, log: String) -> Self {
        metrics::audit_refuses(false);
        Self { keys, log, every, outside: file.map(Outside::new), last: None, refuses: false, blind: false }
    }

    /// Another process may have signed meanwhile.
    pub(super) fn forget(&mut self) {
        self.last = None;
    }

    /// The row of a checkpoint, when one is due for the tree as far as it was followed. A history that is not the one that was
    /// signed before is signed no more until somebody has looked and started this process again.
    pub(super) async fn due(
        &mut self,
        session: &mut Session,
        reached: Reached<'_>,
    ) -> Result<Option<Change>, StoreError> {
        let (now, size) = (time::now_ms(), reached.tree.size());
        if self.log != reached.log {
            self.begin(reached.log);
        }
        if self.refuses || size == 0 || self.last.is_some_and(|last| !self.is_due(last, size, now)) {
            return Ok(None);
        }
        match self.sign(session, reached, now).await {
            Ok(signed) => {
                if std::mem::take(&mut self.blind) {
                    metrics::audit_refuses(false);
                    tracing::info!("the file of checkpoints can be read again");
                }
                Ok(signed)
            }
            Err(Refused::Tree(TreeError::Store(error))) => Err(error),
            Err(refused) => {
                self.refuse(&refused, size);
                Ok(None)
            }
        }
    }

    /// Signs nothing any more, and says so; but a file that cannot be read may be read again.
    pub(super) fn refuse(&mut self, refused: &Refused, size: u64) {
        let source = std::error::Error::source(refused).map(tracing::field::display);
        metrics::audit_refuses(true);
        if matches!(refused, Refused::File(_)) {
            if !std::mem::replace(&mut self.blind, true) {
                tracing::error!(error = %refused, source, size, "nothing is signed until AUDIT_CHECKPOINT_FILE can be read");
            }
        } else if !std::mem::replace(&mut self.refuses, true) {
            tracing::error!(error = %refused, source, size, advice = refused.advice(), "NOTHING IS SIGNED ANY MORE");
        }
    }

    /// A new log took the other's place: what was known of that one says nothing about it.
    fn begin(&mut self, log: &str) {
        tracing::warn!(before = self.log, now = log, "a new log took the place of the one that was signed");
        log.clone_into(&mut self.log);
        (self.last, self.refuses, self.blind) = (None, false, false);
        metrics::audit_refuses(false);
    }

    fn is_due(&self, last: Last, size: u64, now: i64) -> bool {
        let every = i64::try_from(self.every.as_millis()).unwrap_or(i64::MAX);
        // A clock that was put back must not keep anything from being signed until it is there again.
        let waited = !(last.at..last.at.saturating_add(every)).contains(&now);
        size > last.size && (waited || size - last.size >= GROWN)
    }

    async fn sign(&mut self, session: &mut Session, reached: Reached<'_>, now: i64) -> Result<Option<Change>, Refused> {
        let keys = self.keys.now(session).await?;
        let ours = keys.ring.key().vkey().origin();
        // What was signed, and then the head: it has all of that by then, whoever signed it.
        let newest = log::newest(session).await?;
        let before = newest.as_ref().map(|signed| Checkpoint::unverified(&signed.note)).transpose();
        let before = before.map_err(|_| Refused::Unreadable)?;
        let outside = match &mut self.outside {
            Some(outside) => outside.furthest(ours)?,
            None => None,
        };
        let head = session.head().await?;
        // The keys, what was followed, and what would be signed are one log's; else that is followed first.
        if keys.ledger_id != self.log || head.ledger_id != self.log {
            return Ok(None);
        }
        if let Some(before) = &before
            && before.origin != *ours
        {
            return Err(Refused::Renamed { found: before.origin.clone(), ours: ours.clone() });
        }
        for (before, whom) in [(&before, "this database"), (&outside, "the file outside")] {
            if let Some(before) = before
                && !begins_with(session, reached, &head, before, whom).await?
            {
                return Ok(None);
            }
        }
        if let (Some(signed), Some(before)) = (newest, before) {
            let last = Last { size: before.size, at: signed.signed_at };
            metrics::audit_checkpoint(last.size, last.at);
            self.last = Some(last);
            if !self.is_due(last, reached.tree.size(), now) {
                return Ok(None);
            }
        }
        if !is_the_heads(session, reached.tree, &head).await? {
            return Ok(None);
        }
        // It counts once it is stored, and is looked at then.
        self.last = None;
        row(keys.ring.key(), reached.tree, now).map(Some)
    }
}

fn row(key: &SigningKey, tree: &Frontier, now: i64) -> Result<Change, Refused> {
    let size = tree.size();
    let checkpoint = Checkpoint { origin: key.vkey().origin().clone(), size, root: Root(tree.root()) };
    let row = vec![
        i64::try_from(size).unwrap_or(i64::MAX).into(),
        checkpoint.root.to_string().into(),
        checkpoint.sign(key)?.into(),
        now.into(),
    ];
    Ok(Change { table: &CHECKPOINT, op: Op::Insert, rows: vec![row] })
}

/// Whether the ledger begins with what was signed; `false` when it was not followed so far yet: beginning anew, or behind
/// another process, is no loss.
async fn begins_with(
    session: &mut Session,
    reached: Reached<'_>,
    head: &Head,
    before: &Checkpoint,
    whom: &'static str,
) -> Result<bool, Refused> {
    let size = u64::try_from(head.size).unwrap_or_default();
    if before.size > size {
        return Err(Refused::Lost { size, signed: before.size, whom });
    }
    if before.size > reached.stored {
        return Ok(false);
    }
    if Tree::new(session).root(before.size).await? != before.root {
        return Err(Refused::Rewritten { size: before.size, whom });
    }
    Ok(true)
}

/// Whether the ledger's head is what the tree comes to with the events that follow; not yet, when those are many.
async fn is_the_heads(session: &mut Session, tree: &Frontier, head: &Head) -> Result<bool, Refused> {
    let size = u64::try_from(head.size).unwrap_or_default();
    if size < tree.size() {
        return Err(Refused::Lost { size, signed: tree.size(), whom: "nobody yet, but followed" });
    }
    if size - tree.size() > BEHIND {
        return Ok(false);
    }
    let mut tree = tree.clone();
    while tree.size() < size {
        let after = i64::try_from(tree.size()).unwrap_or(i64::MAX);
        let events = session.events(after, RUN.min(head.size - after)).await?;
        if events.is_empty() {
            return Err(Refused::Head);
        }
        events.iter().for_each(|(_, body)| tree.append(body.as_bytes()));
    }
    if tree.bytes() == head.frontier { Ok(true) } else { Err(Refused::Head) }
}
