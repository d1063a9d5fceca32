//! A new log in the place of one that lost events. The other is kept, in tables of its own, and never continued.
//!
//! The new tables are made as the database itself describes the old ones, so that they are what migrations left, whichever
//! these were, and the next migration finds what it expects.

mod postgres;
mod sqlite;

use avanzacast_kit::config::DatabaseConfig;

use super::{Head, Store, StoreError};

/// The tables that are a log's.
const TABLES: [&str; 7] =
    ["ledger", "ledger_head", "ledger_index", "ledger_count", "ledger_tile", "checkpoint", "ledger_cut"];
/// How much of a log's id its tables are named by.
const MARK: usize = 8;
const REACTORS: &str = "UPDATE reactor SET position = 0, owner = NULL, lease_until = 0";

/// The names of the tables of a log that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept(String);

impl Kept {
    /// Of the log with this id; `None` for what is no such id.
    #[must_use]
    pub fn of(ledger_id: &str) -> Option<Self> {
        let mark = ledger_id.get(..MARK)?;
        mark.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)).then(|| Self(mark.to_owned()))
    }

    /// What one of its tables is called now.
    #[must_use]
    pub fn table(&self, name: &str) -> String {
        format!("{name}_{}", self.0)
    }
}

/// A log's beginning.
#[derive(Debug, Clone, Copy)]
pub struct NewLog<'a> {
    /// Which log it takes the place of, as it was last seen: it must not have grown.
    pub instead_of: &'a Head,
    /// How that one is called from now on.
    pub kept: &'a Kept,
    /// The log after its first event.
    pub head: &'a Head,
    /// The first event: a whole line.
    pub first: &'a str,
}

impl Store {
    /// Puts a new log in the place of the one that is there, in one transaction; answers `false` when that one is another
    /// than was said. State stays as it is; reactors begin anew.
    ///
    /// # Errors
    /// The database is away, or somebody holds its tables for too long.
    pub async fn replace_ledger(&self, new: &NewLog<'_>) -> Result<bool, StoreError> {
        match self.config.as_ref() {
            DatabaseConfig::Postgres(url) => postgres::replace(url, new).await,
            DatabaseConfig::Sqlite(path) => sqlite::replace(path, new).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kept_log_is_named_by_its_id_and_by_nothing_else() {
        assert_eq!(Kept::of("019c1c3f-0000-7000").unwrap().table("ledger"), "ledger_019c1c3f");
        for other in ["", "019c1c3", "019C1C3F-0000", "x; drop table", "é19c1c3f"] {
            assert!(Kept::of(other).is_none(), "{other}");
        }
    }
}
