//! Archiving: the beginning of the ledger goes into files, and only when they have been read back and found right may the
//! ledger forget it. The tiles stay, so every root and every proof is afterwards what it was before; and an event says what
//! was archived, so that nothing else can be taken away.

mod files;
mod relayed;

use std::path::{Path, PathBuf};

use avanzacast_schemas::{Actor, ActorKind, Event, LedgerArchived};
use avanzacast_worker::{
    ledger::{AppendError, Appender},
    store::{Plan, Session, Sql, Store, StoreError, decode},
};
use rand::rngs::StdRng;
use serde::Deserialize;

pub use self::relayed::Relayed;
use crate::{
    Root, Source, SourceError,
    log::{Checkpoint, CheckpointError, Signed, Tree, TreeError, newest},
};

/// Archives end with a tile.
const TILE: u64 = 256;

const STANDING: Sql = Sql {
    postgres: "SELECT json_build_object('cut', (SELECT seq FROM ledger_cut), 'size', (SELECT size FROM ledger_head),
            'followed', (SELECT min(position) FROM reactor))
        WHERE $1::text[] IS NOT NULL",
    sqlite: "SELECT json_object('cut', (SELECT seq FROM ledger_cut), 'size', (SELECT size FROM ledger_head),
            'followed', (SELECT min(position) FROM reactor))
        WHERE ?1 IS NOT NULL",
};
const CUT: Sql = Sql {
    postgres: "UPDATE ledger_cut SET seq = $1 WHERE seq < $1",
    sqlite: "UPDATE ledger_cut SET seq = ?1 WHERE seq < ?1",
};
/// Some at a time, so that nobody waits for the rest.
const FORGET: Sql = Sql {
    postgres: "DELETE FROM ledger WHERE seq <= $1 AND seq < (SELECT min(seq) FROM ledger) + 5000",
    sqlite: "DELETE FROM ledger WHERE seq <= ?1 AND seq < (SELECT min(seq) FROM ledger) + 5000",
};

/// What was archived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Archived {
    /// The first event.
    pub first: u64,
    /// The last event.
    pub last: u64,
    /// The root of the ledger's first `last` events.
    pub root: Root,
    /// The events, as `audit replay` writes them, compressed with zstd.
    pub events: PathBuf,
    /// That file's SHA-256, in hexadecimal.
    pub sha256: String,
    /// The checkpoint, with the proof that the ledger which it signs begins with what ends here.
    pub proof: PathBuf,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Archive {
    /// These events are in files now, and no more in the ledger.
    Done(Archived),
    /// There is no whole tile that could be.
    Nothing(Reach),
}

/// How far an archive may go: the least of all these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reach {
    /// How far it went before.
    pub cut: u64,
    /// Events that are old enough.
    pub old: u64,
    /// Events that the last checkpoint signs.
    pub signed: u64,
    /// Events that every reactor is done with.
    pub followed: u64,
    /// Events that EVENTS has.
    pub relayed: u64,
    /// Events in all.
    pub size: u64,
}

impl Reach {
    /// The last one stays, and a tile is archived whole.
    fn last(self) -> u64 {
        let Self { cut: _, old, signed, followed, relayed, size } = self;
        [old, signed, followed, relayed, size.saturating_sub(1)].into_iter().min().unwrap_or_default() / TILE * TILE
    }
}

/// Nothing more was archived, and what the ledger has it keeps.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// Nobody has signed anything.
    #[error("there is no checkpoint yet: the audit worker signs one within a minute of the first event")]
    NoCheckpoint,
    /// EVENTS is not a copy of this ledger, or the ledger has lost something.
    #[error("EVENTS does not agree with the ledger (`doctor` says what to do): nothing was archived")]
    Disagrees,
    /// Somebody else archives.
    #[error("somebody else archives this ledger: nothing was forgotten")]
    Moved,
    /// Somebody else writes files there.
    #[error("somebody else archives into {0}: nothing was archived")]
    Busy(PathBuf),
    /// The event could not be written.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// Not what was written.
    #[error("{0} does not hold what the ledger does: nothing was forgotten")]
    Wrong(PathBuf),
    /// A file of that name, with something else in it, which may be all that there is of it.
    #[error(
        "{0} is there already and does not hold what the ledger does: it stays, and nothing was forgotten; name another folder by --out"
    )]
    Taken(PathBuf),
    /// The signed text.
    #[error("the checkpoint that was signed last")]
    Checkpoint(#[from] CheckpointError),
    /// The checkpoint is of another ledger than the tiles are.
    #[error("the ledger is not the one that its last checkpoint signs: `audit verify` says where")]
    Inconsistent,
    /// The tree.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// Lines cannot be had.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The database.
    #[error("the ledger cannot be cut")]
    Store(#[from] StoreError),
    /// The files.
    #[error("the files cannot be written")]
    File(#[from] std::io::Error),
}

#[derive(Debug, Deserialize)]
struct Standing {
    cut: u64,
    size: u64,
    followed: Option<u64>,
}

/// Archives events that happened before a moment (Unix milliseconds), in whole tiles, as far as a checkpoint signs them,
/// every reactor has followed, and EVENTS has them. The last event always stays. An archive that was interrupted is finished
/// first. [`Archive::Nothing`] when there is no whole tile to archive.
///
/// # Errors
/// Something is wrong or away; whatever was not found right in its file is still in the ledger.
pub async fn archive(store: &Store, before: i64, relayed: &Relayed, into: &Path) -> Result<Archive, ArchiveError> {
    let into = files::Folder::take(into)?;
    let mut session = store.connect().await?;
    let (standing, _) = session.select(STANDING, &[]).await?;
    let Standing { cut, size, followed } = decode(&standing)?;
    relayed.agrees(&mut session).await?;
    forget(&mut session, cut).await?;
    let mut source = Source::ledger(store).await?;
    let old = source.since(before).await?.saturating_sub(1);
    let Signed { note, .. } = newest(&mut session).await?.ok_or(ArchiveError::NoCheckpoint)?;
    let checkpoint = Checkpoint::unverified(&note)?;
    let reach =
        Reach { cut, old, signed: checkpoint.size, followed: followed.unwrap_or(size), relayed: relayed.last, size };
    let last = reach.last();
    if last <= cut {
        return Ok(Archive::Nothing(reach));
    }
    let mut tree = Tree::new(&mut session);
    if tree.root(checkpoint.size).await? != checkpoint.root {
        return Err(ArchiveError::Inconsistent);
    }
    let (begin, end) = (tree.frontier(cut).await?, tree.frontier(last).await?);
    let hashes = tree.prove_consistency(last, &checkpoint).await?;
    let ledger_id = session.head().await?.ledger_id;
    let part = files::Part { ledger_id, first: cut + 1, last, begin, end };
    let archived = files::write(source.read(cut + 1), part, hashes, note, &into).await?;
    move_cut(&mut session, cut, &archived).await?;
    forget(&mut session, last).await?;
    Ok(Archive::Done(archived))
}

/// One transaction: from where on the ledger is whole, and the event that says what became of the rest.
async fn move_cut(session: &mut Session, cut: u64, archived: &Archived) -> Result<(), ArchiveError> {
    let Archived { first, last, root, events, sha256, proof: _ } = archived;
    let file = events.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let actor = Actor::of(ActorKind::Operator);
    let event =
        LedgerArchived { actor, first: *first, last: *last, root: root.to_string(), file, sha256: sha256.clone() };
    session.lock().await?;
    let now = session.read::<&str>(STANDING, &[], &[]).await?;
    if decode::<Standing>(&now.rows)?.cut != cut {
        return Err(ArchiveError::Moved);
    }
    let mut random: StdRng = rand::make_rng();
    let mut appender = Appender::new(&now.head, now.now)?;
    appender.append(&Event::LedgerArchived(event), &mut random)?;
    let (bodies, frontier) = appender.finish();
    let appended = session.write(now.head.size, &Plan { bodies, frontier, changes: Vec::new() }).await?;
    if !appended || session.execute(CUT, i64::try_from(*last).unwrap_or(i64::MAX)).await? != 1 {
        return Err(ArchiveError::Moved);
    }
    Ok(session.commit().await?)
}

/// Deletes what is archived.
async fn forget(session: &mut Session, cut: u64) -> Result<(), StoreError> {
    let cut = i64::try_from(cut).unwrap_or(i64::MAX);
    while session.execute(FORGET, cut).await? > 0 {}
    Ok(())
}
