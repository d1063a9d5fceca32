//! The database: PostgreSQL or SQLite behind the same few calls.
//!
//! There is no pool. Each loop of a worker (batches, queries, relay, sweep) owns one [`Session`], because each has one
//! statement in flight at a time, and because a pool's checks on release would cost a round trip per batch.

mod checkup;
mod fault;
mod look;
mod new_log;
mod postgres;
mod rows;
mod sqlite;

use std::{sync::Arc, time::Duration};

use avanzacast_kit::config::DatabaseConfig;
pub use sqlx::migrate::MigrateError;
use sqlx::{Connection, migrate::Migrator};
use tokio::time::timeout;

pub(crate) use self::fault::unreadable;
pub use self::{
    checkup::{Checkup, checkup},
    fault::{Fault, StoreError},
    look::{Look, Texts},
    new_log::{Kept, NewLog},
    rows::{Cell, Change, Kind, Op, Table},
};

/// Longer than the server's own `statement_timeout` (4 s), so that it is the server that gives up, when it can.
const PATIENCE: Duration = Duration::from_secs(5);

static POSTGRES: Migrator = sqlx::migrate!("migrations/postgres");
static SQLITE: Migrator = sqlx::migrate!("migrations/sqlite");

/// Reads rows that a statement gave as JSON.
///
/// # Errors
/// They do not look as the statement makes them.
pub fn decode<T: serde::de::DeserializeOwned>(rows: &str) -> Result<T, StoreError> {
    serde_json::from_str(rows).map_err(unreadable)
}

/// The same statement for both databases.
#[derive(Debug, Clone, Copy)]
pub struct Sql {
    /// With `$1`.
    pub postgres: &'static str,
    /// With `?1`.
    pub sqlite: &'static str,
}

/// Where the ledger stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Which ledger it is.
    pub ledger_id: String,
    /// Its number of events: the last `ledgerseq`.
    pub size: i64,
    /// The roots of its complete subtrees, largest first, 32 bytes each.
    pub frontier: Vec<u8>,
}

/// What a batch's one read found.
#[derive(Debug)]
pub struct Snapshot {
    /// Where the ledger stands.
    pub head: Head,
    /// The database's clock, Unix milliseconds.
    pub now: i64,
    /// JSON array of the inbox's rows, `[id, fingerprint, decision]` each.
    pub inbox: String,
    /// JSON array of the service's rows.
    pub rows: String,
}

/// What a batch writes, all of it or nothing.
#[derive(Debug, Default)]
pub struct Plan {
    /// Events, in order: whole lines.
    pub bodies: Vec<String>,
    /// The frontier after them.
    pub frontier: Vec<u8>,
    /// Rows, the inbox's among them.
    pub changes: Vec<Change>,
}

/// A reactor's lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// The last event it is done with.
    pub position: i64,
}

/// A reactor's step.
#[derive(Debug, Clone, Copy)]
pub struct Advance<'a> {
    /// Which reactor.
    pub name: &'a str,
    /// Which process it is.
    pub owner: &'a str,
    /// The last event it was done with.
    pub from: i64,
    /// The last event it is done with.
    pub to: i64,
}

/// How sessions are made; cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    config: Arc<DatabaseConfig>,
}

impl Store {
    /// Will use this database.
    #[must_use]
    pub fn new(config: DatabaseConfig) -> Self {
        Self { config: Arc::new(config) }
    }

    /// Brings the tables up to date. Several may do so at once: the database lets one at a time.
    ///
    /// # Errors
    /// The database is away, or was migrated by something newer or other than this.
    pub async fn migrate(&self) -> Result<(), MigrateError> {
        match self.config.as_ref() {
            DatabaseConfig::Postgres(url) => {
                let mut connection = postgres::connect_plainly(url).await?;
                POSTGRES.run(&mut connection).await?;
                connection.close().await?;
            }
            DatabaseConfig::Sqlite(path) => {
                let mut connection = sqlite::connect(path).await?;
                SQLITE.run(&mut connection).await?;
                connection.close().await?;
            }
        }
        Ok(())
    }

    /// Empties the log beside a file of what was deleted, unless somebody is reading; answers whether nothing is left there.
    /// A server keeps its own log.
    ///
    /// # Errors
    /// The file cannot be used.
    pub async fn empty_log(&self) -> Result<bool, StoreError> {
        match self.config.as_ref() {
            DatabaseConfig::Postgres(_) => Ok(true),
            DatabaseConfig::Sqlite(path) => sqlite::empty_log(path).await,
        }
    }

    /// Opens a session.
    ///
    /// # Errors
    /// The database is away.
    pub async fn connect(&self) -> Result<Session, StoreError> {
        let opened = timeout(PATIENCE, async {
            Ok(match self.config.as_ref() {
                DatabaseConfig::Postgres(url) => Session::Postgres(postgres::connect(url).await?),
                DatabaseConfig::Sqlite(path) => Session::Sqlite(sqlite::open(path).await?),
            })
        });
        opened.await.unwrap_or_else(|_| Err(StoreError::timed_out()))
    }
}

/// A connection, and what is done over it. After any error it must not be used again: drop it.
#[derive(Debug)]
pub enum Session {
    /// To a PostgreSQL server.
    Postgres(sqlx::PgConnection),
    /// To a file.
    Sqlite(sqlite::SqliteSession),
}

/// Runs one call of the session's database, with our patience.
macro_rules! on {
    ($session:expr, $call:ident($($argument:expr),*)) => {{
        let done = match $session {
            Session::Postgres(connection) => timeout(PATIENCE, postgres::$call(connection, $($argument),*)).await,
            Session::Sqlite(connection) => timeout(PATIENCE, sqlite::$call(connection, $($argument),*)).await,
        };
        done.unwrap_or_else(|_| Err(StoreError::timed_out()))
    }};
}

impl Session {
    /// Begins a transaction that nobody else can write beside, until [`Session::commit`] or the session's end.
    ///
    /// # Errors
    /// The database is away, or somebody held it for too long.
    pub async fn lock(&mut self) -> Result<(), StoreError> {
        on!(self, lock())
    }

    /// A batch's one read: the ledger's head, the clock, the inbox rows of `ids`, and the rows that `rows` selects
    /// (a scalar subquery giving a JSON array or null, with `keys` as its only parameter).
    ///
    /// # Errors
    /// The database is away.
    pub async fn read<K: AsRef<str>>(&mut self, rows: Sql, ids: &[&str], keys: &[K]) -> Result<Snapshot, StoreError> {
        let keys: Vec<&str> = keys.iter().map(AsRef::as_ref).collect();
        let keys = keys.as_slice();
        on!(self, read(rows, ids, keys))
    }

    /// A batch's one write, if the ledger still has `size` events. Answers whether it had.
    ///
    /// # Errors
    /// Nothing was written, unless the fault is [`Fault::Away`]: then nobody knows.
    pub async fn write(&mut self, size: i64, plan: &Plan) -> Result<bool, StoreError> {
        on!(self, write(size, plan))
    }

    /// Ends the transaction.
    ///
    /// # Errors
    /// Nobody knows whether it was written.
    pub async fn commit(&mut self) -> Result<(), StoreError> {
        on!(self, commit())
    }

    /// What `sql` (a scalar subquery giving a JSON array, with `keys` as its only parameter) selects, and the database's
    /// clock in Unix milliseconds.
    ///
    /// # Errors
    /// The database is away.
    pub async fn select(&mut self, sql: Sql, keys: &[String]) -> Result<(String, i64), StoreError> {
        on!(self, select(sql, keys))
    }

    /// Runs a statement with one number, and says how many rows it touched.
    ///
    /// # Errors
    /// The database is away.
    pub async fn execute(&mut self, sql: Sql, number: i64) -> Result<u64, StoreError> {
        on!(self, execute(sql, number))
    }

    /// Runs a statement whose only parameter are texts, and says how many rows it touched.
    ///
    /// # Errors
    /// The database is away.
    pub async fn amend(&mut self, sql: Sql, keys: &[String]) -> Result<u64, StoreError> {
        on!(self, amend(sql, keys))
    }

    /// Where the ledger stands.
    ///
    /// # Errors
    /// The database is away.
    pub async fn head(&mut self) -> Result<Head, StoreError> {
        on!(self, head())
    }

    /// Up to where the ledger may have forgotten: it is archived.
    ///
    /// # Errors
    /// The database is away.
    pub async fn cut(&mut self) -> Result<i64, StoreError> {
        on!(self, cut())
    }

    /// Events after a place in the ledger, at most `most`.
    ///
    /// # Errors
    /// The database is away.
    pub async fn events(&mut self, after: i64, most: i64) -> Result<Vec<(i64, String)>, StoreError> {
        on!(self, events(after, most))
    }

    /// The first event younger than this, or the place after the last: the ledger is in order of time, so a few
    /// looks find it.
    ///
    /// # Errors
    /// The database is away.
    pub async fn first_since(&mut self, age: Duration) -> Result<u64, StoreError> {
        self.first_at(avanzacast_kit::time::now_ms() - i64::try_from(age.as_millis()).unwrap_or(i64::MAX)).await
    }

    /// The first event that is not older than a moment (Unix milliseconds), or the place after the last.
    ///
    /// # Errors
    /// The database is away.
    pub async fn first_at(&mut self, moment: i64) -> Result<u64, StoreError> {
        #[derive(serde::Deserialize)]
        struct Dated {
            time: String,
        }
        let (mut low, mut high) = (self.cut().await?, self.head().await?.size);
        while low < high {
            let middle = low + (high - low) / 2;
            let found = self.events(middle, 1).await?;
            let Some((_, body)) = found.first() else { break };
            // A line that is no event is as old as whatever is looked for.
            let time = decode::<Dated>(body).ok().and_then(|dated| avanzacast_kit::time::parse_rfc3339(&dated.time));
            if time.is_some_and(|time| time < moment) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(u64::try_from(low).unwrap_or_default() + 1)
    }

    /// Takes or keeps the lease of a reactor, for so many milliseconds; `None` while another process has it.
    ///
    /// # Errors
    /// The database is away.
    pub async fn lease(&mut self, name: &str, owner: &str, ms: i64) -> Result<Option<Lease>, StoreError> {
        on!(self, lease(name, owner, ms))
    }

    /// A reactor's one write: its rows and its position, if it is still where it was and still leads. Answers whether
    /// it was. Rows of the ledger's services are not written this way: nothing holds them still.
    ///
    /// # Errors
    /// Nothing was written, unless the fault is [`Fault::Away`]: then nobody knows.
    pub async fn advance(&mut self, advance: &Advance<'_>, changes: &[Change]) -> Result<bool, StoreError> {
        on!(self, advance(advance, changes))
    }

    /// Whether this session, of all sessions of all processes, may relay.
    ///
    /// # Errors
    /// The database is away.
    pub async fn lead(&mut self) -> Result<bool, StoreError> {
        on!(self, lead())
    }
}
