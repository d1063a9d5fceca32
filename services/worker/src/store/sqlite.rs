//! SQLite: one file, one process.

use std::{fs::OpenOptions, os::unix::fs::OpenOptionsExt, path::Path, time::Duration};

use avanzacast_kit::time;
use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, Row, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteRow, SqliteSynchronous},
};

use super::{Advance, Change, Head, Lease, Plan, Snapshot, Sql, StoreError, rows::Op, unreadable};

/// How long one connection waits for another's transaction.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// A connection, and whether a transaction of ours is open on it.
#[derive(Debug)]
pub struct SqliteSession {
    pub(super) connection: SqliteConnection,
    locked: bool,
}

pub(super) async fn open(path: &Path) -> Result<SqliteSession, StoreError> {
    Ok(SqliteSession { connection: connect(path).await?, locked: false })
}

/// For migrations too.
pub(super) async fn connect(path: &Path) -> Result<SqliteConnection, sqlx::Error> {
    // Ids in it open doors. SQLite makes the files beside it as this one is; whatever else is wrong with it, it says itself.
    drop(OpenOptions::new().write(true).create_new(true).mode(0o600).open(path));
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        // WAL with less than FULL may lose what was answered when the machine loses power.
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(BUSY_TIMEOUT)
        .foreign_keys(true)
        // INSERT OR REPLACE fires delete triggers only so (https://sqlite.org/lang_conflict.html).
        .pragma("recursive_triggers", "on")
        // What is deleted is overwritten: somebody who was erased must not stand in the file (https://sqlite.org/pragma.html).
        .pragma("secure_delete", "on");
    SqliteConnection::connect_with(&options).await
}

/// To look only: makes no file, and changes nothing of one.
pub(super) async fn look(path: &Path) -> Result<SqliteSession, StoreError> {
    let options = SqliteConnectOptions::new().filename(path).read_only(true).busy_timeout(BUSY_TIMEOUT);
    // What takes long here is meant to.
    let options = options.disable_statement_logging();
    Ok(SqliteSession { connection: SqliteConnection::connect_with(&options).await?, locked: false })
}

/// Puts the log beside the file into the file, and empties it: what was deleted stands in it otherwise until it is written
/// over. Waits for nobody; answers whether nothing is left in it.
pub(super) async fn empty_log(path: &Path) -> Result<bool, StoreError> {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    if std::fs::metadata(log).map_or(true, |log| log.len() == 0) {
        return Ok(true);
    }
    let options = SqliteConnectOptions::new().filename(path).busy_timeout(Duration::ZERO).pragma("secure_delete", "on");
    let mut connection = SqliteConnection::connect_with(&options).await?;
    let busy: i64 = sqlx::query_scalar("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(&mut connection).await?;
    connection.close().await?;
    Ok(busy == 0)
}

pub(super) async fn lock(session: &mut SqliteSession) -> Result<(), StoreError> {
    sqlx::query("BEGIN IMMEDIATE").execute(&mut session.connection).await?;
    session.locked = true;
    Ok(())
}

pub(super) async fn commit(session: &mut SqliteSession) -> Result<(), StoreError> {
    sqlx::query("COMMIT").execute(&mut session.connection).await?;
    session.locked = false;
    Ok(())
}

pub(super) async fn read(
    session: &mut SqliteSession,
    rows: Sql,
    ids: &[&str],
    keys: &[&str],
) -> Result<Snapshot, StoreError> {
    let sql = format!(
        "SELECT ledger_id, size, frontier,
            (SELECT json_group_array(json_array(id, fingerprint, decision)) FROM inbox
                WHERE id IN (SELECT value FROM json_each(?2))),
            coalesce(({}), '[]')
         FROM ledger_head",
        rows.sqlite
    );
    let row =
        sqlx::query(AssertSqlSafe(sql)).bind(json(&keys)?).bind(json(&ids)?).fetch_one(&mut session.connection).await?;
    Ok(Snapshot { head: read_head(&row)?, now: time::now_ms(), inbox: row.try_get(3)?, rows: row.try_get(4)? })
}

fn json(values: &impl serde::Serialize) -> Result<String, StoreError> {
    serde_json::to_string(values).map_err(unreadable)
}

fn read_head(row: &SqliteRow) -> Result<Head, sqlx::Error> {
    Ok(Head { ledger_id: row.try_get(0)?, size: row.try_get(1)?, frontier: row.try_get(2)? })
}

/// One transaction; inside one that [`lock`] began, a part of it.
pub(super) async fn write(session: &mut SqliteSession, size: i64, plan: &Plan) -> Result<bool, StoreError> {
    let locked = session.locked;
    if !locked {
        lock(session).await?;
    }
    let gated = write_locked(session, size, plan).await?;
    if !locked {
        commit(session).await?;
    }
    Ok(gated)
}

async fn write_locked(session: &mut SqliteSession, size: i64, plan: &Plan) -> Result<bool, StoreError> {
    let added = i64::try_from(plan.bodies.len()).unwrap_or(i64::MAX);
    let gate = sqlx::query("UPDATE ledger_head SET size = size + ?2, frontier = ?3 WHERE size = ?1");
    let gate = gate.bind(size).bind(added).bind(&plan.frontier).execute(&mut session.connection).await?;
    if gate.rows_affected() == 0 {
        return Ok(false);
    }
    if !plan.bodies.is_empty() {
        let lines = sqlx::query("INSERT INTO ledger (seq, body) SELECT ?1 + 1 + key, value FROM json_each(?2)");
        lines.bind(size).bind(json(&plan.bodies)?).execute(&mut session.connection).await?;
    }
    change(session, &plan.changes).await?;
    Ok(true)
}

async fn change(session: &mut SqliteSession, changes: &[Change]) -> Result<(), StoreError> {
    for change in changes {
        let done = sqlx::query(AssertSqlSafe(statement(change))).bind(json(&change.rows)?);
        let touched = done.execute(&mut session.connection).await?.rows_affected();
        if change.op != Op::Delete && usize::try_from(touched).ok() != Some(change.rows.len()) {
            return Err(StoreError::rows_moved());
        }
    }
    Ok(())
}

pub(super) async fn lease(
    session: &mut SqliteSession,
    name: &str,
    owner: &str,
    ms: i64,
) -> Result<Option<Lease>, StoreError> {
    let now = time::now_ms();
    let row = sqlx::query_scalar(
        "UPDATE reactor SET owner = ?2, lease_until = ?3 WHERE name = ?1 AND (owner = ?2 OR lease_until < ?4)
         RETURNING position",
    );
    let row = row.bind(name).bind(owner).bind(now + ms).bind(now);
    let position: Option<i64> = row.fetch_optional(&mut session.connection).await?;
    Ok(position.map(|position| Lease { position }))
}

pub(super) async fn advance(
    session: &mut SqliteSession,
    advance: &Advance<'_>,
    changes: &[Change],
) -> Result<bool, StoreError> {
    lock(session).await?;
    let gate = sqlx::query("UPDATE reactor SET position = ?4 WHERE name = ?1 AND owner = ?2 AND position = ?3");
    let gate = gate.bind(advance.name).bind(advance.owner).bind(advance.from).bind(advance.to);
    let open = gate.execute(&mut session.connection).await?.rows_affected() == 1;
    if open {
        change(session, changes).await?;
    }
    commit(session).await?;
    Ok(open)
}

fn statement(change: &Change) -> String {
    let (table, columns) = (change.table.name, change.sent());
    let names = columns.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    let values: Vec<String> =
        columns.iter().enumerate().map(|(n, (name, _))| format!("value ->> {n} AS {name}")).collect();
    let source = format!("SELECT {} FROM json_each(?1)", values.join(", "));
    match change.op {
        Op::Insert => format!("INSERT INTO {table} ({names}) {source}"),
        Op::Update => {
            let set = columns.iter().map(|(name, _)| format!("{name} = v.{name}")).collect::<Vec<_>>().join(", ");
            let key = change.key();
            format!("UPDATE {table} AS t SET {set} FROM ({source}) AS v WHERE t.{key} = v.{key}")
        }
        Op::Delete => format!("DELETE FROM {table} WHERE {} IN ({source})", change.key()),
    }
}

pub(super) async fn select(
    session: &mut SqliteSession,
    sql: Sql,
    keys: &[String],
) -> Result<(String, i64), StoreError> {
    let sql = format!("SELECT coalesce(({}), '[]')", sql.sqlite);
    let row = sqlx::query(AssertSqlSafe(sql)).bind(json(&keys)?).fetch_one(&mut session.connection).await?;
    Ok((row.try_get(0)?, time::now_ms()))
}

pub(super) async fn execute(session: &mut SqliteSession, sql: Sql, number: i64) -> Result<u64, StoreError> {
    Ok(sqlx::query(sql.sqlite).bind(number).execute(&mut session.connection).await?.rows_affected())
}

pub(super) async fn amend(session: &mut SqliteSession, sql: Sql, keys: &[String]) -> Result<u64, StoreError> {
    Ok(sqlx::query(sql.sqlite).bind(json(&keys)?).execute(&mut session.connection).await?.rows_affected())
}

pub(super) async fn head(session: &mut SqliteSession) -> Result<Head, StoreError> {
    let row =
        sqlx::query("SELECT ledger_id, size, frontier FROM ledger_head").fetch_one(&mut session.connection).await?;
    Ok(read_head(&row)?)
}

pub(super) async fn cut(session: &mut SqliteSession) -> Result<i64, StoreError> {
    Ok(sqlx::query_scalar("SELECT seq FROM ledger_cut").fetch_one(&mut session.connection).await?)
}

pub(super) async fn events(
    session: &mut SqliteSession,
    after: i64,
    most: i64,
) -> Result<Vec<(i64, String)>, StoreError> {
    // A row past the end that the head names is none of the ledger's.
    let events = "SELECT seq, body FROM ledger WHERE seq > ?1 AND seq <= (SELECT size FROM ledger_head)
        ORDER BY seq LIMIT ?2";
    let events = sqlx::query_as(events);
    Ok(events.bind(after).bind(most).fetch_all(&mut session.connection).await?)
}

/// There is one process, and it has one relay.
pub(super) async fn lead(_session: &mut SqliteSession) -> Result<bool, StoreError> {
    Ok(true)
}
