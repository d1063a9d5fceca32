//! Checkpoints: signed when the ledger has grown, and only when what was followed, what the ledger says of itself and what
//! was signed before are one history.

use std::{path::PathBuf, time::Duration};

use avanzacast_kit::{metrics, time};
use avanzacast_worker::{
    ledger::Frontier,
    store::{Change, Kind, Op, Session, StoreError, Table},
};

use super::outside;
use crate::{
    Root,
    log::{self, Checkpoint, Keyring, Tree, TreeError},
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

/// How checkpoints are signed.
#[derive(Debug)]
pub struct SigningConfig {
    /// With what, and for which log.
    pub ring: Keyring,
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
    #[error("the checkpoint could not be signed")]
    Signing(#[from] crate::log::CheckpointError),
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Self::Tree(error.into())
    }
}

/// What was signed before, as far as it was looked at.
#[derive(Debug, Clone)]
struct Last {
    size: u64,
    at: i64,
}

/// Signs for one process, as long as it leads.
#[derive(Debug)]
pub(super) struct Signing {
    config: SigningConfig,
    last: Option<Last>,
    refuses: bool,
}

impl Signing {
    pub(super) fn new(config: SigningConfig) -> Self {
        metrics::audit_refuses(false);
        Self { config, last: None, refuses: false }
    }

    /// Another process may have signed meanwhile.
    pub(super) fn forget(&mut self) {
        self.last = None;
    }

    /// The row of a checkpoint, when one is due for the tree as far as it was followed. A history that is not the one that was
    /// signed before is signed no more until somebody has looked and started this process again.
    pub(super) async fn due(&mut self, session: &mut Session, tree: &Frontier) -> Result<Option<Change>, StoreError> {
        let now = time::now_ms();
        if self.refuses
            || tree.size() == 0
            || self.last.as_ref().is_some_and(|last| !self.is_due(last, tree.size(), now))
        {
            return Ok(None);
        }
        match self.sign(session, tree, now).await {
            Ok(signed) => Ok(signed),
            Err(Refused::Tree(TreeError::Store(error))) => Err(error),
            Err(refused) => {
                self.refuses = true;
                metrics::audit_refuses(true);
                tracing::error!(error = %refused, size = tree.size(),
                    source = std::error::Error::source(&refused).map(tracing::field::display),
                    advice = "this is not the history that was signed; `avanzacast audit verify` says where it differs",
                    "NOTHING IS SIGNED ANY MORE");
                Ok(None)
            }
        }
    }

    fn is_due(&self, last: &Last, size: u64, now: i64) -> bool {
        let waited = now.saturating_sub(last.at) >= i64::try_from(self.config.every.as_millis()).unwrap_or(i64::MAX);
        size > last.size && (waited || size - last.size >= GROWN)
    }

    async fn sign(&mut self, session: &mut Session, tree: &Frontier, now: i64) -> Result<Option<Change>, Refused> {
        let size = tree.size();
        if let Some(log::Signed { note, signed_at: at }) = log::newest(session).await? {
            let before = Checkpoint::unverified(&note).map_err(|_| Refused::Unreadable)?;
            let last = Last { size: before.size, at };
            self.compare(session, size, &before, "this database").await?;
            self.last = Some(last.clone());
            if !self.is_due(&last, size, now) {
                return Ok(None);
            }
        }
        if let Some(file) = &self.config.file
            && let Some(before) = outside::furthest(file, self.config.ring.key().vkey().origin())?
        {
            self.compare(session, size, &before, "the file outside").await?;
        }
        if !is_the_heads(session, tree).await? {
            return Ok(None);
        }
        let key = self.config.ring.key();
        let checkpoint = Checkpoint { origin: key.vkey().origin().clone(), size, root: Root(tree.root()) };
        let row = vec![
            i64::try_from(size).unwrap_or(i64::MAX).into(),
            checkpoint.root.to_string().into(),
            checkpoint.sign(key)?.into(),
            now.into(),
        ];
        self.last = Some(Last { size, at: now });
        metrics::audit_checkpoint(size, now);
        Ok(Some(Change { table: &CHECKPOINT, op: Op::Insert, rows: vec![row] }))
    }

    /// A checkpoint of this log must be of its beginning; one of another log says nothing about it.
    async fn compare(
        &self,
        session: &mut Session,
        size: u64,
        before: &Checkpoint,
        whom: &'static str,
    ) -> Result<(), Refused> {
        if before.origin != *self.config.ring.key().vkey().origin() {
            return Ok(());
        }
        if before.size > size {
            return Err(Refused::Lost { size, signed: before.size, whom });
        }
        // What was just followed may not be stored yet; a checkpoint's events were, when it was signed.
        if Tree::new(session).root(before.size).await? != before.root {
            return Err(Refused::Rewritten { size: before.size, whom });
        }
        Ok(())
    }
}

/// Whether the ledger's head is what the tree comes to with the events that follow; not yet, when those are many.
async fn is_the_heads(session: &mut Session, tree: &Frontier) -> Result<bool, Refused> {
    let head = session.head().await?;
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
