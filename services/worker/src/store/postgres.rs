//! PostgreSQL.

use avanzacast_kit::Secret;
use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, PgConnection, Row,
    postgres::{PgArguments, PgConnectOptions, PgRow},
};

use super::{
    Advance, Change, Head, Lease, Plan, Snapshot, Sql, StoreError,
    rows::{Array, Kind, Op},
};

/// The advisory lock of whoever relays: "avzrelay" as a number.
const RELAY_LOCK: i64 = 0x6176_7a72_656c_6179;

/// For migrations and for operators, whose work may take long, and waits.
pub(super) async fn connect_plainly(url: &Secret) -> Result<PgConnection, sqlx::Error> {
    let options: PgConnectOptions = url.reveal().parse()?;
    // What takes long here is meant to.
    let options = options.application_name("avanzacast-migrate").disable_statement_logging();
    PgConnection::connect_with(&options).await
}

pub(super) async fn connect(url: &Secret) -> Result<PgConnection, StoreError> {
    let options: PgConnectOptions = url.reveal().parse()?;
    let options = options.application_name("avanzacast").options([
        // A stopped worker holds nobody up: not in a transaction, not waiting for one, not in a statement, and not
        // as the relay (the others are never idle for seconds).
        ("idle_in_transaction_session_timeout", "1s"),
        ("lock_timeout", "2s"),
        ("statement_timeout", "4s"),
        // What is answered is on disk, whatever the server's own default.
        ("synchronous_commit", "on"),
        // Every statement looks up by key; a plan made while a table was still empty must not say otherwise later.
        ("enable_seqscan", "off"),
        // And need not be made again for every batch: planning the read took longer than the read.
        ("plan_cache_mode", "force_generic_plan"),
        ("jit", "off"),
    ]);
    Ok(PgConnection::connect_with(&options).await?)
}

pub(super) async fn lock(connection: &mut PgConnection) -> Result<(), StoreError> {
    sqlx::query("BEGIN").execute(&mut *connection).await?;
    sqlx::query("SELECT 1 FROM ledger_head FOR UPDATE").execute(connection).await?;
    Ok(())
}

pub(super) async fn commit(connection: &mut PgConnection) -> Result<(), StoreError> {
    sqlx::query("COMMIT").execute(connection).await?;
    Ok(())
}

pub(super) async fn read(
    connection: &mut PgConnection,
    rows: Sql,
    ids: &[&str],
    keys: &[&str],
) -> Result<Snapshot, StoreError> {
    let sql = format!(
        "SELECT ledger_id, size, frontier, (extract(epoch FROM statement_timestamp()) * 1000)::bigint,
            (SELECT json_agg(json_build_array(id, fingerprint, decision)) FROM inbox WHERE id = ANY($2))::text,
            ({})::text
         FROM ledger_head",
        rows.postgres
    );
    let row = sqlx::query(AssertSqlSafe(sql)).bind(keys).bind(ids).fetch_one(connection).await?;
    Ok(Snapshot { head: read_head(&row)?, now: row.try_get(3)?, inbox: array(&row, 4)?, rows: array(&row, 5)? })
}

fn array(row: &PgRow, column: usize) -> Result<String, sqlx::Error> {
    Ok(row.try_get::<Option<String>, _>(column)?.unwrap_or_else(|| "[]".to_owned()))
}

fn read_head(row: &PgRow) -> Result<Head, sqlx::Error> {
    Ok(Head { ledger_id: row.try_get(0)?, size: row.try_get(1)?, frontier: row.try_get(2)? })
}

/// One statement: everything selects from the row that the gate updated, or does nothing. Its text depends on which
/// tables are written, never on how many rows, so the server prepares a handful of statements at most.
pub(super) async fn write(connection: &mut PgConnection, size: i64, plan: &Plan) -> Result<bool, StoreError> {
    let gate = "WITH gate AS (UPDATE ledger_head SET size = size + $2, frontier = $3 WHERE size = $1 RETURNING 1),
         line AS (INSERT INTO ledger (seq, body) SELECT $1 + place, body
            FROM gate, unnest($4::text[]) WITH ORDINALITY AS l (body, place))";
    let (sql, updates) = statement(gate, 5, &plan.changes);
    let count = i64::try_from(plan.bodies.len()).unwrap_or(i64::MAX);
    let query = sqlx::query(AssertSqlSafe(sql)).bind(size).bind(count).bind(&plan.frontier).bind(&plan.bodies);
    gated(connection, query, &plan.changes, updates).await
}

pub(super) async fn advance(
    connection: &mut PgConnection,
    advance: &Advance<'_>,
    changes: &[Change],
) -> Result<bool, StoreError> {
    let gate = "WITH gate AS (UPDATE reactor SET position = $4 WHERE name = $1 AND owner = $2 AND position = $3
         RETURNING 1)";
    let (sql, updates) = statement(gate, 5, changes);
    let query = sqlx::query(AssertSqlSafe(sql)).bind(advance.name).bind(advance.owner);
    gated(connection, query.bind(advance.from).bind(advance.to), changes, updates).await
}

pub(super) async fn lease(
    connection: &mut PgConnection,
    name: &str,
    owner: &str,
    ms: i64,
) -> Result<Option<Lease>, StoreError> {
    let row = sqlx::query(
        "UPDATE reactor SET owner = $2, lease_until = t.now + $3
         FROM (SELECT (extract(epoch FROM statement_timestamp()) * 1000)::bigint AS now) t
         WHERE name = $1 AND (owner = $2 OR lease_until < t.now) RETURNING position",
    );
    let row = row.bind(name).bind(owner).bind(ms).fetch_optional(connection).await?;
    Ok(row.map(|row| row.try_get(0).map(|position| Lease { position })).transpose()?)
}

/// Binds and runs a statement of [`statement`]; answers whether its gate was open.
async fn gated(
    connection: &mut PgConnection,
    mut query: Query<'_>,
    changes: &[Change],
    updates: Vec<i64>,
) -> Result<bool, StoreError> {
    for change in changes {
        query = bind(query, change);
    }
    for updated in updates {
        query = query.bind(updated);
    }
    let row = query.fetch_one(connection).await?;
    Ok(row.try_get::<i64, _>(0)? == 1)
}

type Query<'q> = sqlx::query::Query<'q, sqlx::Postgres, PgArguments>;

fn bind<'q>(mut query: Query<'q>, change: &Change) -> Query<'q> {
    for column in change.columns() {
        query = match column {
            Array::Text(values) => query.bind(values),
            Array::Int(values) => query.bind(values),
        };
    }
    query
}

/// The statement that begins with this gate, with parameters from this number on; and for each update in it how many
/// rows it must touch.
fn statement(gate: &str, mut parameter: usize, changes: &[Change]) -> (String, Vec<i64>) {
    let mut sql = gate.to_owned();
    let (mut updates, mut counts) = (Vec::new(), Vec::new());
    for (number, change) in changes.iter().enumerate() {
        let columns = change.sent();
        let names = columns.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
        let arrays: Vec<String> = columns
            .iter()
            .enumerate()
            .map(|(n, (_, kind))| {
                let array = match kind {
                    Kind::Text => "text[]",
                    Kind::Int => "bigint[]",
                };
                format!("${}::{array}", parameter + n)
            })
            .collect();
        parameter += columns.len();
        let (table, source) = (change.table.name, format!("gate, unnest({}) AS v ({names})", arrays.join(", ")));
        sql.push_str(&match change.op {
            Op::Insert => format!(", w{number} AS (INSERT INTO {table} ({names}) SELECT v.* FROM {source})"),
            Op::Update => {
                updates.push(i64::try_from(change.rows.len()).unwrap_or(i64::MAX));
                counts.push(number);
                let set = columns.iter().map(|(name, _)| format!("{name} = v.{name}")).collect::<Vec<_>>().join(", ");
                let key = change.key();
                format!(", w{number} AS (UPDATE {table} t SET {set} FROM {source} WHERE t.{key} = v.{key} RETURNING 1)")
            }
            Op::Delete => {
                let key = change.key();
                format!(", w{number} AS (DELETE FROM {table} t USING {source} WHERE t.{key} = v.{key})")
            }
        });
    }
    sql.push_str(" SELECT (SELECT count(*) FROM gate)");
    // An update that misses a row divides by zero, which takes the whole statement back.
    for number in counts {
        let missed = format!("(SELECT count(*) FROM w{number}) = ${parameter} * (SELECT count(*) FROM gate)");
        sql.push_str(&format!(", 1 / (CASE WHEN {missed} THEN 1 ELSE 0 END)"));
        parameter += 1;
    }
    (sql, updates)
}

pub(super) async fn select(
    connection: &mut PgConnection,
    sql: Sql,
    keys: &[String],
) -> Result<(String, i64), StoreError> {
    let sql = format!("SELECT ({})::text, (extract(epoch FROM statement_timestamp()) * 1000)::bigint", sql.postgres);
    let row = sqlx::query(AssertSqlSafe(sql)).bind(keys).fetch_one(connection).await?;
    Ok((array(&row, 0)?, row.try_get(1)?))
}

pub(super) async fn execute(connection: &mut PgConnection, sql: Sql, number: i64) -> Result<u64, StoreError> {
    Ok(sqlx::query(sql.postgres).bind(number).execute(connection).await?.rows_affected())
}

pub(super) async fn amend(connection: &mut PgConnection, sql: Sql, keys: &[String]) -> Result<u64, StoreError> {
    Ok(sqlx::query(sql.postgres).bind(keys).execute(connection).await?.rows_affected())
}

pub(super) async fn head(connection: &mut PgConnection) -> Result<Head, StoreError> {
    let row = sqlx::query("SELECT ledger_id, size, frontier FROM ledger_head").fetch_one(connection).await?;
    Ok(read_head(&row)?)
}

pub(super) async fn cut(connection: &mut PgConnection) -> Result<i64, StoreError> {
    Ok(sqlx::query_scalar("SELECT seq FROM ledger_cut").fetch_one(connection).await?)
}

pub(super) async fn events(
    connection: &mut PgConnection,
    after: i64,
    most: i64,
) -> Result<Vec<(i64, String)>, StoreError> {
    // A row past the end that the head names is none of the ledger's.
    let events = "SELECT seq, body FROM ledger WHERE seq > $1 AND seq <= (SELECT size FROM ledger_head)
        ORDER BY seq LIMIT $2";
    let events = sqlx::query_as(events);
    Ok(events.bind(after).bind(most).fetch_all(connection).await?)
}

/// A relay asks several times a second; a session that falls silent for 5 s is a stopped process, and the server
/// ends it, which frees the lock.
pub(super) async fn lead(connection: &mut PgConnection) -> Result<bool, StoreError> {
    sqlx::query("SET idle_session_timeout = '5s'").execute(&mut *connection).await?;
    let row = sqlx::query("SELECT pg_try_advisory_lock($1)").bind(RELAY_LOCK).fetch_one(connection).await?;
    Ok(row.try_get(0)?)
}
