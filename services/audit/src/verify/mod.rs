//! Proving that the record is whole.

mod against;
mod fault;
mod root;

use avanzacast_worker::{
    ledger::{Frontier, Hash},
    store::Head,
};

pub use self::{against::Against, fault::Fault, root::Root};
use crate::{CloudEvent, Lines, SourceError};

/// What the record is compared with, as far as there is something.
#[derive(Debug, Default)]
pub struct Wanted {
    /// What the ledger says of itself.
    pub head: Option<Head>,
    /// The root that it had at some size.
    pub root: Option<(u64, Root)>,
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
    /// The root of a record that begins at 1; without the beginning there is none.
    pub root: Option<Root>,
}

/// Looks at every line: each is one event, in its place; and compares with what is wanted.
///
/// # Errors
/// Lines cannot be had. What is wrong with them is the inner [`Fault`].
pub async fn verify(mut lines: Lines, wanted: Wanted) -> Result<Result<Proof, Fault>, SourceError> {
    let Wanted { head, root, mut against } = wanted;
    let mut tree = Tree { frontier: Frontier::default(), by_place: lines.by_place(), span: None, wanted: root };
    while let Some(batch) = lines.next().await? {
        for (number, line) in batch {
            let place = match tree.take(number, &line) {
                Ok(place) => place,
                Err(fault) => return Ok(Err(fault)),
            };
            if let Some(other) = &mut against
                && let Some(fault) = other.differs(number, place, &line).await?
            {
                return Ok(Err(fault));
            }
        }
    }
    Ok(tree.finish(head.as_ref()))
}

/// The tree, as far as it has grown.
struct Tree {
    frontier: Frontier,
    by_place: bool,
    /// The first place and the last.
    span: Option<(u64, u64)>,
    wanted: Option<(u64, Root)>,
}

impl Tree {
    /// Takes one line, and answers its place.
    fn take(&mut self, number: u64, line: &[u8]) -> Result<u64, Fault> {
        let event = CloudEvent::read(line).map_err(|why| Fault::NoEvent { number, why })?;
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
        if first == 1 {
            self.frontier.append(line);
            self.compare_root()?;
        }
        Ok(place)
    }

    fn compare_root(&self) -> Result<(), Fault> {
        match self.wanted {
            Some((size, wanted)) if size == self.frontier.size() => {
                let found = Root(self.frontier.root());
                if found == wanted { Ok(()) } else { Err(Fault::Root { size, wanted, found }) }
            }
            Some(_) | None => Ok(()),
        }
    }

    fn finish(self, head: Option<&Head>) -> Result<Proof, Fault> {
        let (first, last) = self.span.unwrap_or((1, 0));
        if let Some((size, _)) = self.wanted.filter(|(size, _)| first != 1 || *size > last) {
            return Err(Fault::Short { size, first, last });
        }
        if let Some(head) = head {
            compare_head(&self.frontier, head)?;
        }
        let root = (first == 1).then(|| Root(self.frontier.root()));
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
