//! Answers: who could enter a room, who did, and who did without a token of ours; and what of somebody is known at all.
//!
//! An answer is a pure function of the events about a room or a session, which are found by the ledger's index, and of the
//! rows in which the names stand that the ledger has the hashes of. Whether a name is the one that the ledger means is
//! proved, and said.

mod archives;
mod doors;
mod find;
mod gather;
mod history;
mod names;
#[cfg(test)]
mod tests;
mod told;
mod who;

pub use self::{
    find::{Asked, Found, Person, User, find},
    gather::{Within, who},
};
