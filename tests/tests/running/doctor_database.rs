//! `avanzacast doctor` about PostgreSQL: whether it keeps what promise 2 is built on.

use std::fs;

use avanzacast_tests::{Launch, Postgres, PostgresOptions, require, wait_until};

use super::doctor::{doctor, folder, pairs};

/// Promise 2 holds on a database that syncs; the doctor says when this one does not.
#[test]
fn a_database_that_does_not_sync_is_a_problem() {
    require!(Postgres::available());
    let cluster = Postgres::start_with(PostgresOptions { fsync: false, ..Default::default() });
    let url = cluster.create_database("unsynced");
    let env = pairs(&[
        ("DATABASE_URL", &url),
        ("NATS_URL", "nats://127.0.0.1:9"),
        ("NATS_STUDIO_PASSWORD", "notMyPassword1"),
    ]);
    let report = doctor("studio-worker", &env, &["notMyPassword1"]);
    assert_eq!(report.code, Some(1));
    assert!(report.line("problem", "fsync").contains("fsync = on"), "{:#?}", report.lines);
    // The server's own default does not matter, for our sessions ask for it.
    report.line("ok", "synchronous_commit");
}

/// Promise 2 holds as far as a failover goes, and no further.
#[test]
fn a_standby_that_no_commit_waits_for_is_a_warning() {
    require!(Postgres::available());
    let cluster = Postgres::start();
    let url = cluster.create_database("replicated");
    let env = pairs(&[("DATABASE_URL", &url), ("NATS_URL", "nats://127.0.0.1:9"), ("NATS_STUDIO_PASSWORD", "p1")]);
    assert!(doctor("studio-worker", &env, &[]).line("ok", "failover").contains("no standby"));
    // To the server whoever receives its log is a standby.
    let (folder, port) = (folder(), cluster.addr().port().to_string());
    let program =
        fs::read_dir("/usr/lib/postgresql").unwrap().map(|entry| entry.unwrap().path().join("bin/pg_receivewal"));
    let program = program.filter(|path| path.is_file()).max().unwrap();
    let arguments = ["-h", "127.0.0.1", "-p", &port, "-U", "postgres", "-D", folder.path().to_str().unwrap()];
    let receiver = Launch::program(program, &arguments).start();
    wait_until("the standby is there", || {
        cluster.query("replicated", "SELECT count(*) FROM pg_stat_replication") == "1"
    });
    let report = doctor("studio-worker", &env, &[]);
    assert!(report.line("warning", "failover").contains("synchronous_standby_names"), "{:#?}", report.lines);
    cluster.query("postgres", "ALTER SYSTEM SET synchronous_standby_names = 'pg_receivewal'");
    cluster.query("postgres", "SELECT pg_reload_conf()");
    let waits =
        || doctor("studio-worker", &env, &[]).lines.iter().any(|line| line.contains("commits wait for pg_receivewal"));
    wait_until("the setting is read", waits);
    receiver.terminate();
}
