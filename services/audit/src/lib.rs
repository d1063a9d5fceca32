//! The record of what happened: given out as it was written, and proved to be whole.
//!
//! A [`Source`] gives lines, each with its place in the ledger. [`replay`](replay()) passes those that a [`Filter`]
//! wants to a [`Sink`]; [`verify`](verify()) looks at every one; [`answers`] says who could enter
//! a room, and who did.

pub mod answers;
pub mod archive;
mod event;
pub mod export;
mod filter;
pub mod keeper;
pub mod log;
pub mod rebuild;
mod replay;
mod sink;
mod source;
mod subjects;
mod verify;

pub use event::CloudEvent;
pub use filter::{Filter, Types};
pub use replay::{Ended, ReplayError, Replayed, replay};
pub use sink::{Format, Sink};
pub(crate) use source::indexed_page;
pub use source::{Line, Lines, Reach, Source, SourceError};
pub use verify::{Against, Fault, Kept, Proof, Root, Wanted, verify};
