//! What is derived from the ledger, in its order: where something is spoken of, how much happened in each hour, and the full
//! tiles of its tree. All of it is written together with the position, so it can be lost and made again, and never differs.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use avanzacast_schemas::bus::BusUser;
use avanzacast_worker::{
    Follow, NotNow, Step,
    ledger::{Frontier, Hash, leaf},
    store::{Cell, Change, Kind, Op, Session, StoreError, Table},
};
use bytes::Bytes;
use data_encoding::BASE64;

use super::{
    keys::Keys,
    signing::{Reached, Refused, Signing, SigningConfig},
};
use crate::{
    log::{TileId, Tree, TreeError, subtree},
    subjects::Subjects,
};

static INDEX: Table =
    Table { name: "ledger_index", columns: &[("kind", Kind::Text), ("key", Kind::Text), ("seq", Kind::Int)] };
static COUNT: Table = Table {
    name: "ledger_count",
    columns: &[("hour", Kind::Int), ("type", Kind::Text), ("seq", Kind::Int), ("count", Kind::Int)],
};
static TILE: Table = Table {
    name: "ledger_tile",
    columns: &[("level", Kind::Int), ("n", Kind::Int), ("root", Kind::Text), ("hashes", Kind::Text)],
};
const FULL: usize = 256;

/// The tree as far as it was followed.
#[derive(Debug, Clone)]
pub(super) struct Followed {
    /// Which log that is.
    pub(super) log: String,
    pub(super) tree: Frontier,
    /// The hashes of each level's last tile, while it is not full.
    open: Vec<Vec<Hash>>,
}

impl Followed {
    /// As it was left.
    async fn read(session: &mut Session, size: u64) -> Result<Self, TreeError> {
        let log = session.head().await?.ledger_id;
        let mut stored = Tree::new(session);
        let (tree, mut open) = (stored.frontier(size).await?, Vec::new());
        for level in 0..8_u8 {
            let hashes = size >> (8 * u32::from(level));
            let width = u16::try_from(hashes % 256).unwrap_or_default();
            let tile = TileId { level, n: hashes / 256, width };
            open.push(match width {
                0 => Vec::new(),
                _ => stored.tile(tile, size).await?.unwrap_or_default(),
            });
        }
        Ok(Self { log, tree, open })
    }

    /// Takes one event, and answers the tiles that are full now: level, number, root, hashes.
    fn append(&mut self, line: &[u8]) -> Vec<Vec<Cell>> {
        let (mut hash, mut rows) = (leaf(line), Vec::new());
        self.tree.append_hash(hash);
        for (level, open) in (0_u8..).zip(&mut self.open) {
            open.push(hash);
            let full = std::mem::take(open);
            if full.len() < FULL {
                *open = full;
                break;
            }
            hash = subtree(&full).unwrap_or_default();
            let n = (self.tree.size() >> (8 * u32::from(level) + 8)).saturating_sub(1);
            let n = i64::try_from(n).unwrap_or(i64::MAX);
            let (root, hashes) = (BASE64.encode(&hash), BASE64.encode(&full.concat()));
            rows.push(vec![i64::from(level).into(), n.into(), root.into(), hashes.into()]);
        }
        rows
    }
}

/// The audit worker, as it follows the ledger.
#[derive(Debug)]
pub(super) struct Deriving {
    followed: Option<Followed>,
    signing: Signing,
}

impl Deriving {
    pub(super) fn new(config: SigningConfig, keys: Arc<Keys>, log: String) -> Self {
        Self { followed: None, signing: Signing::new(config, keys, log) }
    }

    /// The tree at this position: the one that is known, or as it was left.
    async fn at(&mut self, session: &mut Session, position: i64) -> Result<Followed, TreeError> {
        let position = whole(position);
        match self.followed.take() {
            // At the beginning it may have been another log's.
            Some(followed) if followed.tree.size() == position && position > 0 => Ok(followed),
            Some(_) | None => {
                self.signing.forget();
                Followed::read(session, position).await
            }
        }
    }
}

impl Follow for Deriving {
    const NAME: &'static str = "audit";
    const USER: BusUser = BusUser::AuditWorker;
    /// Some 1.5 MB of events, and their rows in one statement.
    const RUN: usize = 2_048;
    /// Nobody waits for it, and the fewer the statements the less it takes from those who are waited for.
    const GATHER: Duration = Duration::from_millis(250);

    async fn step(&mut self, session: &mut Session, position: i64, events: &[Bytes]) -> Result<Step, StoreError> {
        let mut followed = match self.at(session, position).await {
            Ok(followed) => followed,
            Err(TreeError::Store(error)) => return Err(error),
            // What was derived is damaged: nothing is built on it.
            Err(error) => {
                let reason = format!("the ledger's tiles cannot be continued: {error}");
                self.signing.refuse(&Refused::Tree(error), whole(position));
                return Ok(Step::NotNow(NotNow(reason)));
            }
        };
        let (mut index, mut tiles) = (Vec::new(), Vec::new());
        let mut counts: BTreeMap<(i64, String), (i64, i64)> = BTreeMap::new();
        for (seq, line) in (position + 1..).zip(events) {
            tiles.extend(followed.append(line));
            // A line that is no event is in the tree all the same; `audit verify` says what is wrong with it.
            let Some(Subjects { kind, hour, keys }) = Subjects::of(line) else { continue };
            let rows = keys
                .into_iter()
                .map(|(kind, key)| -> Vec<Cell> { vec![kind.into(), key.into_owned().into(), seq.into()] });
            index.extend(rows);
            counts.entry((hour, kind)).or_insert((seq, 0)).1 += 1;
        }
        let counts = counts.into_iter().map(|((hour, kind), (seq, count))| -> Vec<Cell> {
            vec![hour.into(), kind.into(), seq.into(), count.into()]
        });
        let all = [(&INDEX, index), (&COUNT, counts.collect()), (&TILE, tiles)];
        let changes = all.into_iter().filter(|(_, rows)| !rows.is_empty());
        let mut changes: Vec<Change> = changes.map(|(table, rows)| Change { table, op: Op::Insert, rows }).collect();
        let reached = Reached { log: &followed.log, tree: &followed.tree, stored: whole(position) };
        changes.extend(self.signing.due(session, reached).await?);
        self.followed = Some(followed);
        Ok(Step::Passed(events.len(), Some(changes)))
    }

    /// A checkpoint may be due although nothing happens.
    async fn rest(&mut self, session: &mut Session, position: i64) -> Result<Option<Vec<Change>>, StoreError> {
        let followed = match self.at(session, position).await {
            Ok(followed) => followed,
            Err(TreeError::Store(error)) => return Err(error),
            // The ledger's end is gone, or its tiles are.
            Err(error) => {
                self.signing.refuse(&Refused::Tree(error), whole(position));
                return Ok(None);
            }
        };
        let reached = Reached { log: &followed.log, tree: &followed.tree, stored: whole(position) };
        let signed = self.signing.due(session, reached).await?;
        self.followed = Some(followed);
        Ok(signed.map(|row| vec![row]))
    }
}

/// A position is no negative number.
fn whole(position: i64) -> u64 {
    u64::try_from(position).unwrap_or_default()
}
