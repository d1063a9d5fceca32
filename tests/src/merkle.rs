//! The ledger's tree, by the definition and nothing faster (RFC 6962, section 2.1), for comparing with what the product says.

use sha2::{Digest, Sha256};

/// SHA-256.
pub type Hash = [u8; 32];

/// The hash of an entry.
pub fn leaf(entry: impl AsRef<[u8]>) -> Hash {
    Sha256::new().chain_update([0]).chain_update(entry).finalize().into()
}

/// The hash of all: of none, that of nothing.
#[must_use]
pub fn root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => Sha256::digest(b"").into(),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
            Sha256::new().chain_update([1]).chain_update(root(left)).chain_update(root(right)).finalize().into()
        }
    }
}

/// The roots of the complete subtrees, the largest first: what a ledger's head keeps.
#[must_use]
pub fn frontier(mut leaves: &[Hash]) -> Vec<Hash> {
    let mut roots = Vec::new();
    while let Some(height) = leaves.len().checked_ilog2() {
        let (complete, rest) = leaves.split_at(1 << height);
        roots.push(root(complete));
        leaves = rest;
    }
    roots
}
