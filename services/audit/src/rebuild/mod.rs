//! State from events: made anew beside the live one, to see that they agree, and brought up to date where a database lost
//! rows.
//!
//! One pure fold says what every event makes of state. [`rebuild`](rebuild()) applies it to all of them, in an empty database;
//! [`reconcile`](reconcile()) to those that a ledger lost. Both read what a batch of events is about, and write it in one transaction.
//!
//! What stands in no event is not there afterwards: people's values and salts, session ids (the row of a session that was
//! made anew is called `rebuilt:<participant>`), tokens, consumers' keys, and decisions about commands that may be sent
//! again. Who is barred from a room is not made here either: the room worker's reactor follows the ledger itself.

mod batch;
mod copy;
mod digest;
mod feed;
mod fold;
mod known;
mod missing;
mod new_log;
mod reconcile;
mod rows;
mod statements;

use std::io;

use avanzacast_worker::store::StoreError;

pub use self::{
    copy::{Replayed, rebuild},
    digest::{Difference, Digest, Taken, digest_of},
    feed::Feed,
    known::Known,
    missing::Missing,
    new_log::{Loss, NewLogError, accept_loss, gaps_before},
    reconcile::{ReconcileError, Reconciled, reconcile},
};
use crate::SourceError;

/// State could not be made anew.
#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    /// Something is there already.
    #[error("the database to rebuild into is not empty: name a new one")]
    NotEmpty,
    /// A line is not what every line is.
    #[error("the line after event {after}: {why}")]
    Line {
        /// The last one that was good; 0 when none was.
        after: u64,
        /// Why.
        why: &'static str,
    },
    /// There is a hole.
    #[error(
        "event {place} is missing: {found} comes next; name every file, from the first event on, and then the ledger"
    )]
    Missing {
        /// What should come.
        place: u64,
        /// What does.
        found: u64,
    },
    /// The log before this one is nowhere.
    #[error("the ledger takes the place of another one that is not named as ours are")]
    NotKept,
    /// Lines cannot be had.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A database failed.
    #[error("a database failed")]
    Store(#[from] StoreError),
    /// The tables could not be made.
    #[error("the tables could not be made")]
    Migrate(#[from] avanzacast_worker::store::MigrateError),
    /// A file.
    #[error("a file does not take or give what it should")]
    File(#[from] io::Error),
}
