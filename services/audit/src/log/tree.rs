//! The log's tree, read from what is stored of it: full tiles, and the events themselves where no tile is full yet. Every
//! answer takes two round trips at most.

use std::collections::{BTreeSet, HashMap};

use avanzacast_worker::{
    ledger::{Frontier, Hash, leaf, node},
    store::{Session, Sql, StoreError, decode},
};
use data_encoding::BASE64;
use tlog_tiles::{
    HashReader, check_record, check_tree, prove_record, prove_tree, split_stored_hash_index, stored_hash_index,
    sub_tree_index,
};

use super::{
    checkpoint::Checkpoint,
    tile::{FULL, TileId},
};
use crate::Root;

/// Full tiles by `level/n`: `[level, n, hashes]` each.
const TILES: Sql = Sql {
    postgres: "SELECT json_agg(json_build_array(t.level, t.n, t.hashes)) FROM unnest($1::text[]) k
        JOIN ledger_tile t ON t.level = split_part(k, '/', 1)::bigint AND t.n = split_part(k, '/', 2)::bigint",
    sqlite: "SELECT json_group_array(json_array(t.level, t.n, t.hashes)) FROM json_each(?1) k
        JOIN ledger_tile t ON t.level = CAST(substr(k.value, 1, 1) AS INTEGER)
            AND t.n = CAST(substr(k.value, 3) AS INTEGER)",
};
/// The hashes of a tile that may not be full: the roots of the full tiles below, by `level/n` of the tile itself.
const ROOTS: Sql = Sql {
    postgres: "SELECT json_agg(json_build_array(t.level + 1, t.n, t.root) ORDER BY t.n) FROM unnest($1::text[]) k
        JOIN ledger_tile t ON t.level = split_part(k, '/', 1)::bigint - 1
            AND t.n BETWEEN split_part(k, '/', 2)::bigint * 256 AND split_part(k, '/', 2)::bigint * 256 + 255",
    sqlite: "SELECT json_group_array(json_array(level, n, root)) FROM (SELECT t.level + 1 AS level, t.n, t.root
        FROM json_each(?1) k JOIN ledger_tile t ON t.level = CAST(substr(k.value, 1, 1) AS INTEGER) - 1
            AND t.n BETWEEN CAST(substr(k.value, 3) AS INTEGER) * 256 AND CAST(substr(k.value, 3) AS INTEGER) * 256 + 255
        ORDER BY t.n)",
};

/// The tree could not be read as far as it was asked about.
#[derive(Debug, thiserror::Error)]
pub enum TreeError {
    /// The log is not so long, or its tiles have not been made so far.
    #[error("the ledger's tree does not reach to {0} yet")]
    Short(u64),
    /// What is stored is no tile.
    #[error("tile {0} is damaged")]
    Damaged(String),
    /// A proof would not hold: an event or a tile is not what was signed.
    #[error("the ledger is not what was signed at size {0}: `audit verify` says where")]
    Contradicts(u64),
    /// The database.
    #[error("the ledger cannot be read")]
    Store(#[from] StoreError),
}

/// The tree of a ledger, over a session of one's own.
#[derive(Debug)]
pub struct Tree<'a>(&'a mut Session);

/// Says which hashes somebody asks for, and gives none.
struct Asked(std::cell::RefCell<Vec<u64>>);

impl HashReader for Asked {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<tlog_tiles::Hash>, tlog_tiles::Error> {
        self.0.borrow_mut().extend(indexes);
        Ok(vec![tlog_tiles::Hash([0; 32]); indexes.len()])
    }
}

/// Gives those that were asked for.
struct Given(HashMap<u64, Hash>);

impl HashReader for Given {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<tlog_tiles::Hash>, tlog_tiles::Error> {
        let hash = |index| self.0.get(index).map(|hash| tlog_tiles::Hash(*hash));
        indexes.iter().map(hash).collect::<Option<_>>().ok_or(tlog_tiles::Error::InvalidProof)
    }
}

impl Given {
    /// The roots of the complete subtrees at some size, by their indexes.
    fn frontier(&self, size: u64, indexes: &[u64]) -> Result<Frontier, TreeError> {
        let roots: Option<Vec<Hash>> = indexes.iter().map(|index| self.0.get(index).copied()).collect();
        Frontier::read(size, &roots.ok_or(TreeError::Short(size))?.concat()).map_err(|_| TreeError::Short(size))
    }
}

/// A hash of a complete subtree, as those of a tile's level that it spans.
struct Span {
    tile: (u8, u64),
    from: usize,
    to: usize,
}

impl Span {
    /// By its index among stored hashes, as `tlog_tiles` numbers them.
    fn of(index: u64) -> Self {
        let (height, n) = split_stored_hash_index(index);
        let (level, within) = (height / 8, height % 8);
        let (first, count) = (n << within, 1_u64 << within);
        let from = usize::try_from(first % FULL).unwrap_or_default();
        Self { tile: (level, first / FULL), from, to: from + usize::try_from(count).unwrap_or_default() }
    }
}

impl<'a> Tree<'a> {
    /// Will read over this session.
    pub fn new(session: &'a mut Session) -> Self {
        Self(session)
    }

    /// The roots of the complete subtrees at some size: what an appender continues from.
    ///
    /// # Errors
    /// The tree is shorter, or the database is away.
    pub async fn frontier(&mut self, size: u64) -> Result<Frontier, TreeError> {
        let indexes = sub_tree_index(0, size, Vec::new());
        Given(self.hashes(&indexes).await?).frontier(size, &indexes)
    }

    /// The root at some size.
    ///
    /// # Errors
    /// The tree is shorter, or the database is away.
    pub async fn root(&mut self, size: u64) -> Result<Root, TreeError> {
        Ok(Root(self.frontier(size).await?.root()))
    }

    /// The hashes of a tile, in a log of some size; `None` where such a log has no such tile.
    ///
    /// # Errors
    /// The tree is shorter, or the database is away.
    pub async fn tile(&mut self, tile: TileId, size: u64) -> Result<Option<Vec<Hash>>, TreeError> {
        if !tile.in_log_of(size) {
            return Ok(None);
        }
        let key = (tile.level, tile.n);
        let mut found = self.tiles(&BTreeSet::from([key])).await?;
        let mut hashes = found.remove(&key).unwrap_or_default();
        hashes.truncate(tile.width.into());
        if hashes.len() == usize::from(tile.width) { Ok(Some(hashes)) } else { Err(TreeError::Short(size)) }
    }

    /// That an event stands in the log that was signed: the hashes from its sibling up (RFC 6962, section 2.1.1). Of an
    /// archived event, that its hash does.
    ///
    /// # Errors
    /// The tree is shorter, or it or the event is not what was signed.
    pub async fn prove_inclusion(
        &mut self,
        seq: u64,
        event: Option<&[u8]>,
        signed: &Checkpoint,
    ) -> Result<Vec<Hash>, TreeError> {
        let Checkpoint { origin: _, size, root } = *signed;
        let index = seq.checked_sub(1).filter(|index| *index < size).ok_or(TreeError::Short(size))?;
        let kept = stored_hash_index(0, index);
        let (ask, give) =
            (|reader: &_| prove_record(size, index, reader), |reader: &_| prove_record(size, index, reader));
        let (proof, given) = self.prove(size, &[kept], ask, give).await?;
        let hash = event.map(leaf).or(given.0.get(&kept).copied()).ok_or(TreeError::Short(size))?;
        let holds = check_record(&proof, size, tlog_tiles::Hash(root.0), index, tlog_tiles::Hash(hash));
        holds.map_err(|_| TreeError::Contradicts(size))?;
        Ok(proof.into_iter().map(|hash| hash.0).collect())
    }

    /// That the log that was signed begins with what this ledger was at some size (RFC 6962, section 2.1.2).
    ///
    /// # Errors
    /// The tree is shorter, or not what was signed.
    pub async fn prove_consistency(&mut self, from: u64, signed: &Checkpoint) -> Result<Vec<Hash>, TreeError> {
        let Checkpoint { origin: _, size, root } = *signed;
        if from == 0 || from == size {
            return Ok(Vec::new());
        }
        let kept = sub_tree_index(0, from, Vec::new());
        let (ask, give) = (|reader: &_| prove_tree(size, from, reader), |reader: &_| prove_tree(size, from, reader));
        let (proof, given) = self.prove(size, &kept, ask, give).await?;
        let old = given.frontier(from, &kept)?.root();
        let holds = check_tree(&proof, size, tlog_tiles::Hash(root.0), from, tlog_tiles::Hash(old));
        holds.map_err(|_| TreeError::Contradicts(size))?;
        Ok(proof.into_iter().map(|hash| hash.0).collect())
    }

    /// The library reads when it is asked, and we ask a database: so first it says what it will read. What else is needed
    /// to check the proof is read with it.
    async fn prove(
        &mut self,
        size: u64,
        more: &[u64],
        ask: impl FnOnce(&Asked) -> Result<Vec<tlog_tiles::Hash>, tlog_tiles::Error>,
        give: impl FnOnce(&Given) -> Result<Vec<tlog_tiles::Hash>, tlog_tiles::Error>,
    ) -> Result<(Vec<tlog_tiles::Hash>, Given), TreeError> {
        let mut indexes = {
            let asked = Asked(std::cell::RefCell::default());
            ask(&asked).map_err(|_| TreeError::Short(size))?;
            asked.0.into_inner()
        };
        indexes.extend(more);
        let given = Given(self.hashes(&indexes).await?);
        let proof = give(&given).map_err(|_| TreeError::Short(size))?;
        Ok((proof, given))
    }

    /// Hashes of complete subtrees, by their index; those that cannot be had are not among them.
    async fn hashes(&mut self, indexes: &[u64]) -> Result<HashMap<u64, Hash>, TreeError> {
        let wanted: BTreeSet<(u8, u64)> = indexes.iter().map(|index| Span::of(*index).tile).collect();
        let tiles = self.tiles(&wanted).await?;
        let one = |index: &u64| {
            let Span { tile, from, to } = Span::of(*index);
            Some((*index, subtree(tiles.get(&tile)?.get(from..to)?)?))
        };
        Ok(indexes.iter().filter_map(one).collect())
    }

    /// Tiles as far as they go: full ones as they are stored, others from what is below them.
    async fn tiles(&mut self, wanted: &BTreeSet<(u8, u64)>) -> Result<HashMap<(u8, u64), Vec<Hash>>, TreeError> {
        let key = |(level, n): &(u8, u64)| format!("{level}/{n}");
        let keys: Vec<String> = wanted.iter().map(key).collect();
        let (stored, _) = self.0.select(TILES, &keys).await?;
        let mut tiles: HashMap<(u8, u64), Vec<Hash>> = HashMap::new();
        for (level, n, hashes) in decode::<Vec<(u8, u64, String)>>(&stored)? {
            tiles.insert((level, n), unpack(&hashes).ok_or_else(|| TreeError::Damaged(key(&(level, n))))?);
        }
        let open = |tile: &&(u8, u64)| !tiles.contains_key(*tile);
        let (leaves, above): (Vec<_>, Vec<_>) = wanted.iter().filter(open).copied().partition(|(level, _)| *level == 0);
        for (level, n) in leaves {
            let after = i64::try_from(n.saturating_mul(FULL)).unwrap_or(i64::MAX);
            let events = self.0.events(after, i64::try_from(FULL).unwrap_or_default()).await?;
            let follow = events.iter().zip(after + 1..).take_while(|((seq, _), place)| seq == place);
            tiles.insert((level, n), follow.map(|((_, body), _)| leaf(body.as_bytes())).collect());
        }
        if !above.is_empty() {
            let (roots, _) = self.0.select(ROOTS, &above.iter().map(key).collect::<Vec<_>>()).await?;
            for (level, n, root) in decode::<Vec<(u8, u64, String)>>(&roots)? {
                let hash = unpack(&root).and_then(|mut one| one.pop());
                let hash = hash.ok_or_else(|| TreeError::Damaged(key(&(level - 1, n))))?;
                let tile = tiles.entry((level, n / FULL)).or_default();
                // One after the other, or the rest counts for nothing.
                if u64::try_from(tile.len()).is_ok_and(|len| len == n % FULL) {
                    tile.push(hash);
                }
            }
        }
        Ok(tiles)
    }
}

/// Hashes from base64.
fn unpack(text: &str) -> Option<Vec<Hash>> {
    let bytes = BASE64.decode(text.as_bytes()).ok()?;
    let (hashes, rest) = bytes.as_chunks::<32>();
    rest.is_empty().then(|| hashes.to_vec())
}

/// The root over hashes, whose number is a power of two.
pub(crate) fn subtree(hashes: &[Hash]) -> Option<Hash> {
    let mut level = hashes.to_vec();
    while level.len() > 1 {
        level = level.as_chunks::<2>().0.iter().map(|[left, right]| node(left, right)).collect();
    }
    level.pop()
}
