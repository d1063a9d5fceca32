//! A copy of a stack's database, and the same stack with the copy in its place: a backup that was restored.

use std::fs;
use std::process::Command;

use avanzacast_tests::{Stack, wait_until};

const BACKUP: &str = "import sqlite3, sys
sqlite3.connect(sys.argv[1]).backup(sqlite3.connect(sys.argv[2]))";

/// Copies the database as it is now.
pub fn keep(stack: &Stack) {
    match &stack.database {
        Some(name) => {
            stack.cluster().copy_database(name, &format!("{name}_older"));
        }
        None => {
            let file = |name: &str| stack.data_dir().join(name);
            let mut copy = Command::new("python3");
            let copy = copy.args(["-c", BACKUP]).arg(file("avanzacast.db")).arg(file("older.db"));
            assert!(copy.status().unwrap().success());
        }
    }
}

/// Puts the copy in the database's place: with PostgreSQL under running workers, with SQLite between two runs.
pub fn restore(stack: &mut Stack) {
    if stack.is_sqlite() {
        stack.edges.drain(..).for_each(|up| up.kill9());
        let file = |name: &str| stack.data_dir().join(name);
        for rest in ["avanzacast.db-wal", "avanzacast.db-shm"] {
            drop(fs::remove_file(file(rest)));
        }
        fs::rename(file("older.db"), file("avanzacast.db")).unwrap();
        stack.restart_up();
        return;
    }
    let name = stack.database.clone().unwrap();
    let (older, newer) = (format!("{name}_older"), format!("{name}_newer"));
    let sql = |sql: String| stack.cluster().query("postgres", &sql);
    for database in [&name, &older] {
        sql(format!("ALTER DATABASE \"{database}\" ALLOW_CONNECTIONS false"));
        sql(format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'"));
        wait_until("nobody is connected", || {
            sql(format!("SELECT count(*) FROM pg_stat_activity WHERE datname = '{database}'")) == "0"
        });
    }
    sql(format!("ALTER DATABASE \"{name}\" RENAME TO \"{newer}\""));
    sql(format!("ALTER DATABASE \"{older}\" RENAME TO \"{name}\""));
    sql(format!("ALTER DATABASE \"{name}\" ALLOW_CONNECTIONS true"));
}
