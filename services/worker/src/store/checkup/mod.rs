//! A look at the database that changes nothing.

mod postgres;
mod sqlite;

use std::collections::BTreeMap;

use avanzacast_kit::{checkup::Finding, config::DatabaseConfig};
use sqlx::migrate::Migrator;
use tokio::time::timeout;

use super::{PATIENCE, Session};

/// What was found, and the session to look on with, if there is one with tables in it.
pub type Checkup = (Vec<Finding>, Option<Session>);

/// Looks at server, settings, tables and clock. Makes no file and no table.
pub async fn checkup(config: &DatabaseConfig) -> Checkup {
    let looked = async {
        match config {
            DatabaseConfig::Postgres(url) => postgres::checkup(url).await,
            DatabaseConfig::Sqlite(path) => sqlite::checkup(path).await,
        }
    };
    timeout(PATIENCE * 2, looked).await.unwrap_or_else(|_| {
        let limit = PATIENCE.as_secs() * 2;
        (vec![Finding::problem(DATABASE, format!("no answer in {limit} s"), "look at its log and its load")], None)
    })
}

const DATABASE: &str = "database";
const MIGRATIONS: &str = "migrations";

/// A migration that a database says was applied.
#[derive(sqlx::FromRow)]
struct Applied {
    version: i64,
    success: bool,
    checksum: Vec<u8>,
}

/// What was applied against what this program brings.
fn migrations(ours: &Migrator, applied: &[Applied]) -> Finding {
    let known: BTreeMap<i64, &[u8]> = ours.iter().map(|one| (one.version, one.checksum.as_ref())).collect();
    if applied.is_empty() {
        return Finding::warning(MIGRATIONS, "no tables yet", "run `avanzacast provision`, or start a worker");
    }
    if let Some(broken) = applied.iter().find(|one| !one.success) {
        let found = format!("number {} was begun and not finished", broken.version);
        return Finding::problem(MIGRATIONS, found, "read the database's log, and restore it if in doubt");
    }
    if let Some(newer) = applied.iter().find(|one| !known.contains_key(&one.version)) {
        let found = format!("number {} is unknown to this program", newer.version);
        return Finding::problem(MIGRATIONS, found, "a newer release migrated this database: run that one");
    }
    if let Some(other) = applied.iter().find(|one| known.get(&one.version).is_some_and(|ours| *ours != one.checksum)) {
        let found = format!("number {} was another text when it was applied", other.version);
        return Finding::problem(MIGRATIONS, found, "run the release that migrated this database");
    }
    let missing = known.len() - applied.len();
    if missing > 0 {
        return Finding::warning(MIGRATIONS, format!("{missing} are missing"), "run `avanzacast provision`");
    }
    Finding::ok(MIGRATIONS, format!("all {} applied", known.len()))
}
