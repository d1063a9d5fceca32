//! One moment of a whole database, for as long as it takes to read it: for an operator, beside the workers.

use avanzacast_kit::{config::DatabaseConfig, time};
use futures::TryStreamExt;
use sqlx::{AssertSqlSafe, ColumnIndex, Connection, Decode, PgConnection, Row, SqliteConnection, Type};

use super::{Head, Kept, Sql, Store, StoreError, postgres, sqlite};

/// A row of texts, as a statement selects them.
pub type Texts = Vec<Option<String>>;

/// A transaction that reads only, and always the same.
#[derive(Debug)]
pub enum Look {
    /// Of a PostgreSQL server.
    Postgres(PgConnection),
    /// Of a file.
    Sqlite(SqliteConnection),
}

impl Store {
    /// Begins one. It waits for nobody, and holds nobody up; a SQLite file is not made by it.
    ///
    /// # Errors
    /// The database is away.
    pub async fn look(&self) -> Result<Look, StoreError> {
        match self.config.as_ref() {
            DatabaseConfig::Postgres(url) => {
                let mut connection = postgres::connect_plainly(url).await?;
                let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
                sqlx::query(begin).execute(&mut connection).await?;
                Ok(Look::Postgres(connection))
            }
            DatabaseConfig::Sqlite(path) => {
                let mut connection = sqlite::look(path).await?.connection;
                sqlx::query("BEGIN").execute(&mut connection).await?;
                Ok(Look::Sqlite(connection))
            }
        }
    }

    /// Whether the database has no tables at all. A SQLite file that is not there is empty, and is not made.
    ///
    /// # Errors
    /// The database is away.
    pub async fn is_empty(&self) -> Result<bool, StoreError> {
        let count: i64 = match self.config.as_ref() {
            DatabaseConfig::Postgres(url) => {
                let mut connection = postgres::connect_plainly(url).await?;
                let sql = "SELECT count(*) FROM pg_tables WHERE schemaname = current_schema()";
                sqlx::query_scalar(sql).fetch_one(&mut connection).await?
            }
            DatabaseConfig::Sqlite(path) if !path.exists() => 0,
            DatabaseConfig::Sqlite(path) => {
                let mut connection = sqlite::look(path).await?.connection;
                sqlx::query_scalar("SELECT count(*) FROM sqlite_master").fetch_one(&mut connection).await?
            }
        };
        Ok(count == 0)
    }
}

impl Look {
    /// Where the ledger stands.
    ///
    /// # Errors
    /// The database is away, or has no ledger.
    pub async fn head(&mut self) -> Result<Head, StoreError> {
        let sql = "SELECT ledger_id, size, frontier FROM ledger_head";
        match self {
            Self::Postgres(connection) => read_head(&sqlx::query(sql).fetch_one(connection).await?),
            Self::Sqlite(connection) => read_head(&sqlx::query(sql).fetch_one(connection).await?),
        }
    }

    /// The database's clock, Unix milliseconds.
    ///
    /// # Errors
    /// The database is away.
    pub async fn now(&mut self) -> Result<i64, StoreError> {
        match self {
            Self::Postgres(connection) => {
                let sql = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint";
                Ok(sqlx::query_scalar(sql).fetch_one(connection).await?)
            }
            Self::Sqlite(_) => Ok(time::now_ms()),
        }
    }

    /// Gives every row that a statement selects (texts, with one number as its only parameter), one by one, until the
    /// receiver has seen enough.
    ///
    /// # Errors
    /// The database is away.
    pub async fn rows(&mut self, sql: Sql, number: i64, mut give: impl FnMut(Texts) -> bool) -> Result<(), StoreError> {
        match self {
            Self::Postgres(connection) => {
                let mut rows = sqlx::query(sql.postgres).bind(number).fetch(connection);
                while let Some(row) = rows.try_next().await? {
                    if !give(texts(&row)?) {
                        break;
                    }
                }
            }
            Self::Sqlite(connection) => {
                let mut rows = sqlx::query(sql.sqlite).bind(number).fetch(connection);
                while let Some(row) = rows.try_next().await? {
                    if !give(texts(&row)?) {
                        break;
                    }
                }
            }
        }
        Ok(())
    }

    /// The rows that a statement selects (texts, with one text as its only parameter).
    ///
    /// # Errors
    /// The database is away.
    pub async fn matching(&mut self, sql: Sql, text: &str) -> Result<Vec<Texts>, StoreError> {
        match self {
            Self::Postgres(connection) => {
                sqlx::query(sql.postgres).bind(text).fetch_all(connection).await?.iter().map(texts).collect()
            }
            Self::Sqlite(connection) => {
                sqlx::query(sql.sqlite).bind(text).fetch_all(connection).await?.iter().map(texts).collect()
            }
        }
    }

    /// Lines of a ledger that is kept beside the one that goes on, after a place, at most `most`. `kept` names it.
    ///
    /// # Errors
    /// The database is away, or keeps no such ledger.
    pub async fn kept(&mut self, kept: &Kept, after: i64, most: i64) -> Result<Vec<(i64, String)>, StoreError> {
        let table = kept.table("ledger");
        let sql = format!("SELECT seq, body FROM {table} WHERE seq > $1 ORDER BY seq LIMIT $2");
        let sql = AssertSqlSafe(sql);
        Ok(match self {
            Self::Postgres(connection) => sqlx::query_as(sql).bind(after).bind(most).fetch_all(connection).await?,
            Self::Sqlite(connection) => sqlx::query_as(sql).bind(after).bind(most).fetch_all(connection).await?,
        })
    }

    /// Ends it.
    pub async fn end(self) {
        // Nothing was written, so there is nothing to lose.
        match self {
            Self::Postgres(connection) => drop(connection.close().await),
            Self::Sqlite(connection) => drop(connection.close().await),
        }
    }
}

fn texts<R: Row>(row: &R) -> Result<Texts, StoreError>
where
    usize: ColumnIndex<R>,
    for<'r> Option<String>: Decode<'r, R::Database> + Type<R::Database>,
{
    (0..row.len()).map(|column| Ok(row.try_get(column)?)).collect()
}

fn read_head<R: Row>(row: &R) -> Result<Head, StoreError>
where
    usize: ColumnIndex<R>,
    for<'r> String: Decode<'r, R::Database> + Type<R::Database>,
    for<'r> i64: Decode<'r, R::Database> + Type<R::Database>,
    for<'r> Vec<u8>: Decode<'r, R::Database> + Type<R::Database>,
{
    Ok(Head { ledger_id: row.try_get(0)?, size: row.try_get(1)?, frontier: row.try_get(2)? })
}
