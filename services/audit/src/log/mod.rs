//! The ledger as a transparency log: keys, checkpoints, tiles and proofs, in the formats of C2SP, on libraries that others
//! wrote and that other people's programs agree with (crates `tlog_tiles` and `signed_note`).

mod checkpoint;
mod key;
mod keyring;
mod proof;
mod stored;
mod tile;
mod tree;

pub use self::{
    checkpoint::{Checkpoint, CheckpointError},
    key::{KeyError, Origin, SigningKey, Vkey},
    keyring::{Keyring, KeyringError},
    proof::{Consistency, Inclusion, ProofError},
    stored::{Signed, newest},
    tile::TileId,
    tree::{Tree, TreeError},
};
pub(crate) use self::{tile::FULL, tree::subtree};
