//! What a database keeps about its own ledger, compared with the lines: tiles, and the index.

use std::collections::HashMap;

use avanzacast_schemas::{Event, LedgerArchived};
use avanzacast_worker::{
    ledger::Hash,
    store::{Session, Sql, Store, StoreError, decode},
};
use data_encoding::BASE64;
use tokio::task::JoinHandle;

use super::{
    Fault, Root, Tree as Grown,
    index::{self, Sums},
};
use crate::{
    CloudEvent,
    log::{FULL, Tree, TreeError, subtree},
    subjects,
};

const WIDTH: usize = 256;
/// The type of the events that say what was archived.
const ARCHIVED: &str = "ledger.archived";
/// Tiles read at once: half a megabyte.
const TILES: u64 = 64;

/// How far the index goes, how far the ledger does, and what stands after its end: all of one moment.
const REACH: Sql = Sql {
    postgres: "SELECT json_build_array((SELECT position FROM reactor WHERE name = 'audit'),
            (SELECT size FROM ledger_head), (SELECT max(seq) FROM ledger WHERE seq > (SELECT size FROM ledger_head)))
        WHERE $1::text[] IS NOT NULL",
    sqlite: "SELECT json_array((SELECT position FROM reactor WHERE name = 'audit'),
            (SELECT size FROM ledger_head), (SELECT max(seq) FROM ledger WHERE seq > (SELECT size FROM ledger_head)))
        WHERE ?1 IS NOT NULL",
};
/// Tiles of a level, from one on: `[n, root, hashes]`.
const LEVEL: Sql = Sql {
    postgres: "SELECT json_agg(json_build_array(n, root, hashes) ORDER BY n) FROM ledger_tile
        WHERE level = ($1::text[])[1]::bigint AND n >= ($1::text[])[2]::bigint AND n < ($1::text[])[2]::bigint + 64",
    sqlite: "SELECT json_group_array(json_array(n, root, hashes)) FROM (SELECT n, root, hashes FROM ledger_tile
        WHERE level = CAST(?1 ->> 0 AS INTEGER) AND n >= CAST(?1 ->> 1 AS INTEGER)
            AND n < CAST(?1 ->> 1 AS INTEGER) + 64 ORDER BY n)",
};
/// The roots of a level's tiles, from one on to the 256th: `[root]`.
const ROOTS: Sql = Sql {
    postgres: "SELECT json_agg(root ORDER BY n) FROM ledger_tile
        WHERE level = ($1::text[])[1]::bigint AND n >= ($1::text[])[2]::bigint AND n < ($1::text[])[2]::bigint + 256",
    sqlite: "SELECT json_group_array(root) FROM (SELECT root FROM ledger_tile
        WHERE level = CAST(?1 ->> 0 AS INTEGER) AND n >= CAST(?1 ->> 1 AS INTEGER)
            AND n < CAST(?1 ->> 1 AS INTEGER) + 256 ORDER BY n)",
};
/// Compares lines with what is kept about them, as they come.
#[derive(Debug)]
pub struct Kept {
    session: Session,
    indexed: u64,
    cut: u64,
    /// What stands after the ledger's end.
    stray: Option<u64>,
    /// What the index has of events that the ledger has not.
    beyond: Option<(u64, u64)>,
    /// What was archived last, as its event says.
    archived: Option<LedgerArchived>,
    /// The hashes of the events since the last full tile.
    open: Vec<Hash>,
    /// Tiles that were read ahead.
    ahead: HashMap<u64, (Hash, Vec<Hash>)>,
    read: u64,
    /// What the index should hold.
    sums: Sums,
    /// What it holds, counted meanwhile.
    index: JoinHandle<Result<Option<Sums>, StoreError>>,
}

impl Kept {
    /// What this database keeps of a ledger that begins and ends with these events, or did when it was opened.
    ///
    /// # Errors
    /// It is away.
    pub async fn of(store: &Store, first: u64, last: u64) -> Result<Self, StoreError> {
        let mut session = store.connect().await?;
        let (reach, _) = session.select(REACH, &[]).await?;
        let (position, size, stray): (u64, u64, Option<u64>) = decode(&reach)?;
        let beyond = (position > size).then_some((size + 1, position));
        // What was appended since it was opened may be indexed by now.
        let (cut, indexed) = (first.saturating_sub(1), position.min(last));
        let (open, ahead, sums) = (Vec::new(), HashMap::new(), Sums::default());
        let index = tokio::spawn(index::count(store.look().await?, sums.clone(), cut, indexed));
        Ok(Self { session, indexed, cut, stray, beyond, archived: None, open, ahead, read: 0, sums, index })
    }

    /// What the ledger has no more: the tiles are all that is left of it, and the tree grows by them.
    pub(super) async fn before(&mut self, tree: &mut Grown) -> Result<Option<Fault>, StoreError> {
        for n in 0..self.cut / FULL {
            let tile = self.tile(n).await?;
            let fits = |(root, hashes): &(Hash, Vec<Hash>)| hashes.len() == WIDTH && subtree(hashes) == Some(*root);
            let Some((_, hashes)) = tile.filter(fits) else { return Ok(Some(Fault::Tile(format!("0/{n}")))) };
            for hash in hashes {
                if let Err(fault) = tree.append(hash) {
                    return Ok(Some(fault));
                }
            }
        }
        Ok(None)
    }

    /// Takes an event, in order from the ledger's first on.
    pub(super) async fn take(
        &mut self,
        place: u64,
        event: &CloudEvent<'_>,
        hash: Hash,
    ) -> Result<Option<Fault>, StoreError> {
        if event.kind() == ARCHIVED
            && let Ok(Some(Event::LedgerArchived(archived))) = Event::read(event.kind(), event.data())
        {
            self.archived = Some(archived);
        }
        if place > self.indexed {
            return Ok(None);
        }
        for (kind, key) in subjects::keys(event.data()).into_iter().flatten() {
            self.sums.add(kind, &key, place);
        }
        self.open.push(hash);
        if !place.is_multiple_of(FULL) {
            return Ok(None);
        }
        let (n, hashes) = (place / FULL - 1, std::mem::take(&mut self.open));
        Ok(match self.tile(n).await? {
            Some((root, kept)) if kept == hashes => {
                (subtree(&hashes) != Some(root)).then(|| Fault::Tile(format!("0/{n}")))
            }
            Some((_, kept)) => {
                let same = kept.iter().zip(&hashes).take_while(|(kept, found)| kept == found).count();
                let place = n * FULL + u64::try_from(same).unwrap_or_default() + 1;
                Some(Fault::Changed { place })
            }
            None => Some(Fault::Tile(format!("0/{n}"))),
        })
    }

    /// Whether all up to a place has been compared with tiles.
    pub(super) fn has_compared(&self, place: u64) -> bool {
        place.is_multiple_of(FULL) || place > self.indexed
    }

    async fn tile(&mut self, n: u64) -> Result<Option<(Hash, Vec<Hash>)>, StoreError> {
        if n >= self.read {
            self.ahead =
                level(&mut self.session, 0, n).await?.into_iter().map(|(n, root, all)| (n, (root, all))).collect();
            self.read = n + TILES;
        }
        Ok(self.ahead.remove(&n))
    }

    /// After the last line: the levels above, and the index.
    pub(super) async fn finish(mut self) -> Result<Option<Fault>, StoreError> {
        if let Some(place) = self.stray {
            return Ok(Some(Fault::Stray { place }));
        }
        if let Some(fault) = self.removed().await? {
            return Ok(Some(fault));
        }
        if let Some(fault) = self.above().await? {
            return Ok(Some(fault));
        }
        if let Some((from, to)) = self.beyond {
            return Ok(Some(Fault::Index { from, to }));
        }
        let (from, to) = (self.cut + 1, self.indexed);
        let whole = (&mut self.index).await.map_err(StoreError::interrupted)??;
        let wrong = whole.map_or(Some((from, to)), |found| self.sums.differ_from(&found));
        Ok(wrong.map(|(first, last)| Fault::Index { from: first.max(from), to: last.min(to) }))
    }

    /// What the ledger has no more was archived, and had the root that was said then.
    async fn removed(&mut self) -> Result<Option<Fault>, StoreError> {
        let Some(archived) = self.archived.as_ref().filter(|archived| archived.last >= self.cut) else {
            return Ok((self.cut > 0).then_some(Fault::Removed { first: self.cut + 1 }));
        };
        if archived.last > self.cut {
            return Ok(None);
        }
        let size = self.cut;
        match (archived.root.parse::<Root>(), Tree::new(&mut self.session).root(size).await) {
            (Ok(wanted), Ok(found)) if wanted == found => Ok(None),
            (Ok(wanted), Ok(found)) => Ok(Some(Fault::Root { size, wanted, found })),
            (_, Err(TreeError::Store(error))) => Err(error),
            (Err(_), Ok(_)) | (_, Err(TreeError::Short(_) | TreeError::Damaged(_) | TreeError::Contradicts(_))) => {
                Ok(Some(Fault::Removed { first: size + 1 }))
            }
        }
    }

    /// Every hash of a level is the root of a tile of the one below.
    async fn above(&mut self) -> Result<Option<Fault>, StoreError> {
        for upper in 1..8_u8 {
            let mut n = 0;
            loop {
                let tiles = level(&mut self.session, upper, n).await?;
                let Some((last, ..)) = tiles.last() else { break };
                let next = last + 1;
                for (n, root, hashes) in tiles {
                    let from = [(upper - 1).to_string(), (n * FULL).to_string()];
                    let (below, _) = self.session.select(ROOTS, &from).await?;
                    let below: Vec<String> = decode(&below)?;
                    let kept = hashes.iter().map(|hash| BASE64.encode(hash));
                    if !kept.eq(below) || subtree(&hashes) != Some(root) {
                        return Ok(Some(Fault::Tile(format!("{upper}/{n}"))));
                    }
                }
                n = next;
            }
        }
        Ok(None)
    }
}

type Tile = (u64, Hash, Vec<Hash>);

/// Tiles that cannot be read are none.
async fn level(session: &mut Session, level: u8, from: u64) -> Result<Vec<Tile>, StoreError> {
    let (rows, _) = session.select(LEVEL, &[level.to_string(), from.to_string()]).await?;
    let rows: Vec<(u64, String, String)> = decode(&rows)?;
    let one = |(n, root, hashes): (u64, String, String)| {
        let root = BASE64.decode(root.as_bytes()).ok()?.try_into().ok()?;
        let hashes = BASE64.decode(hashes.as_bytes()).ok()?;
        let (hashes, rest) = hashes.as_chunks::<32>();
        rest.is_empty().then(|| (n, root, hashes.to_vec()))
    };
    Ok(rows.into_iter().filter_map(one).collect())
}

impl Drop for Kept {
    fn drop(&mut self) {
        // Who has found something wrong waits for nothing more.
        self.index.abort();
    }
}
