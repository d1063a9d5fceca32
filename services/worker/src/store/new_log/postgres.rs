//! PostgreSQL, where a table's description is in its catalogue.

use avanzacast_kit::Secret;
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};

use super::{Kept, NewLog, REACTORS, TABLES};
use crate::store::{StoreError, postgres};

/// Nobody is held up for longer by an operator who waits for a table.
const PATIENCE: &str = "SET LOCAL lock_timeout = '10s'";
/// Whatever is tried on a kept table.
const REFUSES: &str = "CREATE OR REPLACE FUNCTION ledger_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'this ledger is kept as it was: % refused', TG_OP USING ERRCODE = 'restrict_violation';
    END $$";
const TRIGGERS: &str = "SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgrelid = to_regclass($1) AND NOT tgisinternal ORDER BY tgname";
const OPTIONS: &str = "SELECT array_to_string(reloptions, ', ') FROM pg_class WHERE oid = to_regclass($1)";
const INDEXES: &str = "SELECT i.indexrelid::regclass::text FROM pg_index i WHERE i.indrelid = to_regclass($1)";

pub(super) async fn replace(url: &Secret, new: &NewLog<'_>) -> Result<bool, StoreError> {
    let mut connection = postgres::connect_plainly(url).await?;
    let mut transaction = connection.begin().await?;
    sqlx::query(PATIENCE).execute(&mut *transaction).await?;
    let tables = TABLES.join(", ");
    run(&mut transaction, &format!("LOCK TABLE {tables}, reactor IN ACCESS EXCLUSIVE MODE")).await?;
    if postgres::head(&mut transaction).await? != *new.instead_of {
        return Ok(false);
    }
    sqlx::query(REFUSES).execute(&mut *transaction).await?;
    let mut triggers = Vec::new();
    for table in TABLES {
        triggers.extend(texts(&mut transaction, TRIGGERS, table).await?.into_iter().flatten());
        renew(&mut transaction, table, new.kept).await?;
    }
    let head = sqlx::query("INSERT INTO ledger_head (ledger_id, size, frontier) VALUES ($1, $2, $3)");
    let head = head.bind(&new.head.ledger_id).bind(new.head.size).bind(&new.head.frontier);
    head.execute(&mut *transaction).await?;
    sqlx::query("INSERT INTO ledger (seq, body) VALUES (1, $1)").bind(new.first).execute(&mut *transaction).await?;
    let before = sqlx::query("INSERT INTO log_before (ledger_id, first) VALUES ($1, $2)");
    before.bind(&new.head.ledger_id).bind(new.first).execute(&mut *transaction).await?;
    run(&mut transaction, "INSERT INTO ledger_cut (seq) VALUES (0)").await?;
    for trigger in triggers {
        run(&mut transaction, &trigger).await?;
    }
    run(&mut transaction, REACTORS).await?;
    transaction.commit().await?;
    Ok(true)
}

/// Keeps a table under its other name, where nothing can be changed, and makes one like it.
async fn renew(connection: &mut PgConnection, table: &str, kept: &Kept) -> Result<(), StoreError> {
    let old = kept.table(table);
    let options = texts(connection, OPTIONS, table).await?.into_iter().flatten().next();
    let indexes = texts(connection, INDEXES, table).await?;
    run(connection, &format!("ALTER TABLE {table} RENAME TO {old}")).await?;
    for index in indexes.into_iter().flatten() {
        run(connection, &format!("ALTER INDEX {index} RENAME TO {}", kept.table(&index))).await?;
    }
    run(connection, &format!("CREATE TABLE {table} (LIKE {old} INCLUDING ALL)")).await?;
    if let Some(options) = options {
        run(connection, &format!("ALTER TABLE {table} SET ({options})")).await?;
    }
    let refuses = format!(
        "CREATE TRIGGER is_kept BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {old}
         FOR EACH STATEMENT EXECUTE FUNCTION ledger_is_kept()"
    );
    run(connection, &refuses).await
}

async fn texts(
    connection: &mut PgConnection,
    sql: &'static str,
    table: &str,
) -> Result<Vec<Option<String>>, StoreError> {
    let rows = sqlx::query(sql).bind(table).fetch_all(connection).await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

async fn run(connection: &mut PgConnection, sql: &str) -> Result<(), StoreError> {
    sqlx::query(AssertSqlSafe(sql.to_owned())).execute(connection).await?;
    Ok(())
}
