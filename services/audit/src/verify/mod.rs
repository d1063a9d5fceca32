//! Proving that the record is whole.

mod against;
mod fault;
mod index;
mod kept;
mod root;

use std::collections::BTreeMap;

use avanzacast_worker::{
    ledger::{Frontier, Hash, leaf},
    store::Head,
};

pub use self::{against::Against, fault::Fault, kept::Kept, root::Root};
use crate::{CloudEvent, Lines, SourceError};

/// What the record is compared with, as far as there is something.
#[derive(Debug, Default)]
pub struct Wanted {
    /// What the ledger says of itself.
    pub head: Option<Head>,
    /// The root that it had at some size.
    pub root: Option<(u64, Root)>,
    /// What was signed, by size: the root, and where that stands.
    pub signed: BTreeMap<u64, (Root, String)>,
    /// What the database keeps about its ledger.
    pub kept: Option<Kept>,
    /// The same lines from elsewhere.
    pub against: Option<Against>,
}

/// What was proved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// The first line's place.
    pub first: u64,
    /// The last line's place: the size of a record that begins at 1.
    pub last: u64,
    /// The root of the record up to the last line; none, where what is before the first one is not known.
    pub root: Option<Root>,
}

/// Looks at every line: each is one event, in its place; and compares with what is wanted.
///
/// # Errors
/// Lines cannot be had. What is wrong with them is the inner [`Fault`].
pub async fn verify(mut lines: Lines, wanted: Wanted) -> Result<Result<Proof, Fault>, SourceError> {
    let Wanted { head, root, signed, mut against, mut kept } = wanted;
    let (frontier, by_place) = (Frontier::default(), lines.by_place());
    let mut tree = Tree { frontier, by_place, span: None, wanted: root, signed };
    if let Some(kept) = &mut kept
        && let Some(fault) = kept.before(&mut tree).await?
    {
        return Ok(Err(fault));
    }
    let mut suspected = None;
    while let Some(batch) = lines.next().await? {
        for (number, line) in batch {
            let hash = leaf(&line);
            let event = match CloudEvent::read(&line) {
                Ok(event) => event,
                Err(why) => return Ok(Err(Fault::NoEvent { number, why })),
            };
            let place = match tree.take(number, &event, hash) {
                Ok(place) => place,
                Err(fault) => return Ok(Err(fault)),
            };
            if let Some(kept) = &mut kept
                && let Some(fault) = kept.take(place, &event, hash).await?
            {
                return Ok(Err(fault));
            }
            if let Err(fault) = tree.compare_root() {
                // Which event it is, the tile that it is in may know.
                suspected.get_or_insert(fault);
            }
            if kept.as_ref().is_none_or(|kept| kept.has_compared(place))
                && let Some(fault) = suspected
            {
                return Ok(Err(fault));
            }
            if let Some(other) = &mut against
                && let Some(fault) = other.differs(number, place, &line).await?
            {
                return Ok(Err(fault));
            }
        }
    }
    if let Some(fault) = suspected {
        return Ok(Err(fault));
    }
    let proof = match tree.finish(head.as_ref()) {
        Ok(proof) => proof,
        Err(fault) => return Ok(Err(fault)),
    };
    match kept {
        Some(kept) => Ok(kept.finish().await?.map_or(Ok(proof), Err)),
        None => Ok(Ok(proof)),
    }
}

/// The tree, as far as it has grown.
struct Tree {
    frontier: Frontier,
    by_place: bool,
    /// The first place and the last.
    span: Option<(u64, u64)>,
    wanted: Option<(u64, Root)>,
    signed: BTreeMap<u64, (Root, String)>,
}

impl Tree {
    /// Takes one event, and answers its place.
    fn take(&mut self, number: u64, event: &CloudEvent<'_>, hash: Hash) -> Result<u64, Fault> {
        let place = event.place().unwrap_or_default();
        let (first, expected) = match self.span {
            Some((first, last)) => (first, last + 1),
            None if self.by_place => (number, number),
            // A file may be a part of the record.
            None => (place, place),
        };
        if place != expected {
            return Err(Fault::Place { number, expected, found: place });
        }
        self.span = Some((first, place));
        if place == self.frontier.size() + 1 {
            self.frontier.append_hash(hash);
        }
        Ok(place)
    }

    /// Takes what is left of an event that is archived.
    fn append(&mut self, hash: Hash) -> Result<(), Fault> {
        self.frontier.append_hash(hash);
        self.compare_root()
    }

    /// Whether the tree is what is known of it at this size.
    fn compare_root(&self) -> Result<(), Fault> {
        let size = self.frontier.size();
        let wanted = self.wanted.filter(|(at, _)| *at == size).map(|(_, root)| root);
        let signed = self.signed.get(&size);
        if wanted.is_none() && signed.is_none() {
            return Ok(());
        }
        let found = Root(self.frontier.root());
        match (wanted, signed) {
            (Some(wanted), _) if found != wanted => Err(Fault::Root { size, wanted, found }),
            (_, Some((wanted, whom))) if found != *wanted => {
                Err(Fault::Signed { size, wanted: *wanted, found, whom: whom.clone() })
            }
            _ => Ok(()),
        }
    }

    fn finish(self, head: Option<&Head>) -> Result<Proof, Fault> {
        let size = self.frontier.size();
        let (first, last) = self.span.unwrap_or((size + 1, size));
        let grown = size == last;
        if let Some((size, _)) = self.wanted.filter(|(size, _)| !grown || *size > last) {
            return Err(Fault::Short { size, first, last });
        }
        // Without the beginning there was no root to compare.
        if let Some((size, _)) = self.signed.last_key_value().filter(|_| !grown) {
            return Err(Fault::Short { size: *size, first, last });
        }
        if let Some((size, (_, whom))) = self.signed.last_key_value().filter(|(size, _)| **size > last) {
            return Err(Fault::Cut { size: *size, last, whom: whom.clone() });
        }
        if let Some(head) = head {
            compare_head(&self.frontier, head)?;
        }
        let root = grown.then(|| Root(self.frontier.root()));
        Ok(Proof { first, last, root })
    }
}

/// A head keeps the roots of the complete subtrees, so that the first of them which differs says where.
fn compare_head(found: &Frontier, head: &Head) -> Result<(), Fault> {
    let size = u64::try_from(head.size).unwrap_or_default();
    if size != found.size() {
        return Err(Fault::Size { head: size, lines: found.size() });
    }
    let damaged = |_| Fault::Head { size };
    let wanted = Frontier::read(size, &head.frontier).map_err(damaged)?.bytes();
    let found = found.bytes();
    let (wanted, found) = (wanted.as_chunks::<32>().0, found.as_chunks::<32>().0);
    let pairs: Vec<(&Hash, &Hash)> = wanted.iter().zip(found).collect();
    let subtrees = (0..u64::BITS).rev().map(|bit| 1_u64 << bit).filter(|subtree| size & subtree != 0);
    let mut before = 0;
    for (subtree, (wanted, found)) in subtrees.zip(pairs) {
        if wanted != found {
            return Err(Fault::Among { from: before + 1, to: before + subtree });
        }
        before += subtree;
    }
    Ok(())
}
