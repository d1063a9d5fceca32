//! SQLite, which keeps the text that a table was made with.

use std::path::Path;

use sqlx::{AssertSqlSafe, Connection, SqliteConnection};

use super::{Kept, NewLog, REACTORS, TABLES};
use crate::store::{Head, StoreError, sqlite};

/// What hangs on a table: the text it was made with, and its name. A key's index has no text, and goes with its table.
const HANGS: &str =
    "SELECT type, name, sql FROM sqlite_master WHERE tbl_name = ?1 AND type <> 'table' AND sql IS NOT NULL";
const TABLE: &str = "SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ?1";

pub(super) async fn replace(path: &Path, new: &NewLog<'_>) -> Result<bool, StoreError> {
    let mut connection = sqlite::connect(path).await?;
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    let found: (String, i64, Vec<u8>) =
        sqlx::query_as("SELECT ledger_id, size, frontier FROM ledger_head").fetch_one(&mut *transaction).await?;
    if (Head { ledger_id: found.0, size: found.1, frontier: found.2 }) != *new.instead_of {
        return Ok(false);
    }
    // All of them first: a trigger speaks of other tables, and would follow them to their other names.
    let hanging = take_off(&mut transaction).await?;
    for table in TABLES {
        renew(&mut transaction, table, new.kept).await?;
    }
    let head = sqlx::query("INSERT INTO ledger_head (ledger_id, size, frontier) VALUES (?1, ?2, ?3)");
    let head = head.bind(&new.head.ledger_id).bind(new.head.size).bind(&new.head.frontier);
    head.execute(&mut *transaction).await?;
    sqlx::query("INSERT INTO ledger (seq, body) VALUES (1, ?1)").bind(new.first).execute(&mut *transaction).await?;
    let before = sqlx::query("INSERT INTO log_before (ledger_id, first) VALUES (?1, ?2)");
    before.bind(&new.head.ledger_id).bind(new.first).execute(&mut *transaction).await?;
    run(&mut transaction, "INSERT INTO ledger_cut (seq) VALUES (0)").await?;
    for text in hanging {
        run(&mut transaction, &text).await?;
    }
    run(&mut transaction, REACTORS).await?;
    transaction.commit().await?;
    Ok(true)
}

/// Takes triggers and indexes off, and answers how they were made.
async fn take_off(connection: &mut SqliteConnection) -> Result<Vec<String>, StoreError> {
    let mut texts = Vec::new();
    for table in TABLES {
        let hanging: Vec<(String, String, String)> =
            sqlx::query_as(HANGS).bind(table).fetch_all(&mut *connection).await?;
        for (kind, name, text) in hanging {
            run(connection, &format!("DROP {kind} {name}")).await?;
            texts.push(text);
        }
    }
    Ok(texts)
}

/// Keeps a table under its other name, where nothing can be changed, and makes one like it.
async fn renew(connection: &mut SqliteConnection, table: &str, kept: &Kept) -> Result<(), StoreError> {
    let old = kept.table(table);
    let text: String = sqlx::query_scalar(TABLE).bind(table).fetch_one(&mut *connection).await?;
    run(connection, &format!("ALTER TABLE {table} RENAME TO {old}")).await?;
    run(connection, &text).await?;
    for change in ["INSERT", "UPDATE", "DELETE"] {
        let refuses = format!(
            "CREATE TRIGGER {old}_no_{change} BEFORE {change} ON {old}
             BEGIN SELECT raise(ABORT, 'this ledger is kept as it was: {change} refused'); END"
        );
        run(connection, &refuses).await?;
    }
    Ok(())
}

async fn run(connection: &mut SqliteConnection, sql: &str) -> Result<(), StoreError> {
    sqlx::query(AssertSqlSafe(sql.to_owned())).execute(connection).await?;
    Ok(())
}
