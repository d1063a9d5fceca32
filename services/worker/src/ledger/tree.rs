//! The ledger's Merkle tree (RFC 6962, section 2.1), as far as appending needs it.

use sha2::{Digest, Sha256};

/// A node's hash.
pub type Hash = [u8; 32];

/// The hash of a leaf.
#[must_use]
pub fn leaf(bytes: &[u8]) -> Hash {
    Sha256::new().chain_update([0]).chain_update(bytes).finalize().into()
}

/// The hash of two hashes that stand beside each other.
#[must_use]
pub fn node(left: &Hash, right: &Hash) -> Hash {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}

/// The roots of the complete subtrees of a tree of some size, largest first: all that appending needs to know of
/// what came before, and one per binary one in the size.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Frontier {
    size: u64,
    roots: Vec<Hash>,
}

/// A stored frontier that does not fit its size.
#[derive(Debug, thiserror::Error)]
#[error("the ledger's head has {bytes} bytes of frontier, which does not fit a size of {size}")]
pub struct FrontierError {
    bytes: usize,
    size: u64,
}

impl Frontier {
    /// Reads a stored frontier: 32 bytes each.
    ///
    /// # Errors
    /// The number of roots is not that of the size.
    pub fn read(size: u64, bytes: &[u8]) -> Result<Self, FrontierError> {
        let (roots, rest) = bytes.as_chunks::<32>();
        let expected = usize::try_from(size.count_ones()).unwrap_or_default();
        if !rest.is_empty() || roots.len() != expected {
            return Err(FrontierError { bytes: bytes.len(), size });
        }
        Ok(Self { size, roots: roots.to_vec() })
    }

    /// Appends one leaf.
    pub fn append(&mut self, bytes: &[u8]) {
        self.append_hash(leaf(bytes));
    }

    /// Appends one leaf by its hash.
    pub fn append_hash(&mut self, mut hash: Hash) {
        // Each trailing one of the size is a complete subtree as large as the one in hand.
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.roots.pop() {
                hash = node(&left, &hash);
            }
        }
        self.roots.push(hash);
        self.size += 1;
    }

    /// The number of leaves.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// As it is stored.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        self.roots.concat()
    }

    /// The root of the whole tree; of an empty one, the hash of nothing.
    #[must_use]
    pub fn root(&self) -> Hash {
        let mut smallest_first = self.roots.iter().rev();
        let Some(first) = smallest_first.next() else { return Sha256::digest(b"").into() };
        smallest_first.fold(*first, |right, left| node(left, &right))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tree hash as RFC 6962 defines it.
    fn by_definition(leaves: &[Vec<u8>]) -> Hash {
        match leaves {
            [] => Sha256::digest(b"").into(),
            [one] => leaf(one),
            many => {
                let split = many.len().next_power_of_two() / 2;
                node(&by_definition(&many[..split]), &by_definition(&many[split..]))
            }
        }
    }

    #[test]
    fn appending_gives_the_root_of_the_definition_at_every_size() {
        let mut frontier = Frontier::default();
        let mut leaves: Vec<Vec<u8>> = Vec::new();
        for n in 0_u32..130 {
            assert_eq!(frontier.root(), by_definition(&leaves), "size {n}");
            let stored = Frontier::read(frontier.size(), &frontier.bytes()).unwrap();
            assert_eq!(stored, frontier);
            leaves.push(n.to_string().into_bytes());
            frontier.append(&leaves[leaves.len() - 1]);
        }
    }

    #[test]
    fn the_roots_are_those_of_the_certificate_transparency_test_vectors() {
        // transparency-dev/merkle, testonly/constants.go: the leaves and roots used by its reference tests.
        let leaves: [&[u8]; 8] = [
            b"",
            b"\x00",
            b"\x10",
            b"\x20\x21",
            b"\x30\x31",
            b"\x40\x41\x42\x43",
            b"\x50\x51\x52\x53\x54\x55\x56\x57",
            b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
        ];
        let mut frontier = Frontier::default();
        for leaf in leaves {
            frontier.append(leaf);
        }
        let root = data_encoding::HEXLOWER.encode(&frontier.root());
        assert_eq!(root, "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328");
    }

    #[test]
    fn a_frontier_of_another_size_is_refused() {
        assert!(Frontier::read(3, &[0; 32]).is_err());
        assert!(Frontier::read(1, &[0; 33]).is_err());
    }
}
