//! PostgreSQL: what it is, what it promises, and what it has.

use avanzacast_kit::{
    Secret,
    checkup::{Finding, clock},
    time,
};
use sqlx::{Connection, PgConnection, Row, postgres::PgConnectOptions};

use super::{Applied, Checkup, DATABASE, migrations};
use crate::store::{POSTGRES, Session, StoreError, postgres};

/// The oldest release that is tested.
const OLDEST: i32 = 140_000;

pub(super) async fn checkup(url: &Secret) -> Checkup {
    let at = match url.reveal().parse::<PgConnectOptions>() {
        Ok(options) => place(&options),
        Err(error) => {
            let advice = "write postgres://user:password@host:5432/database";
            return (vec![Finding::problem(DATABASE, format!("DATABASE_URL cannot be read: {error}"), advice)], None);
        }
    };
    let mut connection = match postgres::connect(url).await {
        Ok(connection) => connection,
        Err(error) => {
            let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
            let advice = "start it, let this machine in, or correct DATABASE_URL";
            return (vec![Finding::problem(DATABASE, format!("not reached at {at}: {cause}"), advice)], None);
        }
    };
    match look(&mut connection, &at).await {
        Ok((findings, true)) => (findings, Some(Session::Postgres(connection))),
        Ok((findings, false)) => {
            drop(connection.close().await);
            (findings, None)
        }
        Err(error) => {
            let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
            (vec![Finding::problem(DATABASE, format!("it fails at {at}: {cause}"), "look at its log")], None)
        }
    }
}

/// Without user and password.
fn place(options: &PgConnectOptions) -> String {
    format!("{}:{}/{}", options.get_host(), options.get_port(), options.get_database().unwrap_or_default())
}

async fn look(connection: &mut PgConnection, at: &str) -> Result<(Vec<Finding>, bool), StoreError> {
    let mut findings = vec![version(connection, at).await?];
    findings.extend(durability(connection).await?);
    findings.push(failover(connection).await?);
    let exist: bool = sqlx::query("SELECT to_regclass('_sqlx_migrations') IS NOT NULL")
        .fetch_one(&mut *connection)
        .await?
        .try_get(0)?;
    let applied: Vec<Applied> = if exist {
        let sql = "SELECT version, success, checksum FROM _sqlx_migrations ORDER BY version";
        sqlx::query_as(sql).fetch_all(&mut *connection).await?
    } else {
        Vec::new()
    };
    findings.push(migrations(&POSTGRES, &applied));
    let asked = time::now_ms();
    let sql = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint";
    let theirs = sqlx::query(sql).fetch_one(&mut *connection).await?.try_get(0)?;
    findings.push(clock("database's clock", theirs, 1, asked, time::now_ms()));
    Ok((findings, !applied.is_empty()))
}

async fn version(connection: &mut PgConnection, at: &str) -> Result<Finding, StoreError> {
    let sql =
        "SELECT current_setting('server_version_num')::int, split_part(current_setting('server_version'), ' ', 1)";
    let row = sqlx::query(sql).fetch_one(connection).await?;
    let found = format!("PostgreSQL {} at {at}", row.try_get::<String, _>(1)?);
    let new_enough = row.try_get::<i32, _>(0)? >= OLDEST;
    let problem = |found| Finding::problem(DATABASE, found, "it must be 14 or newer");
    Ok(if new_enough { Finding::ok(DATABASE, found) } else { problem(found) })
}

/// Whether what was committed is on its disk. Our sessions set `synchronous_commit`; a pooler in between may have
/// dropped that, so it is read back.
async fn durability(connection: &mut PgConnection) -> Result<Vec<Finding>, StoreError> {
    let sql = "SELECT current_setting('synchronous_commit'), current_setting('fsync'),
        current_setting('full_page_writes')";
    let row = sqlx::query(sql).fetch_one(connection).await?;
    let setting = |column| row.try_get::<String, _>(column);
    let (commit, fsync, pages) = (setting(0)?, setting(1)?, setting(2)?);
    let commit = match commit.as_str() {
        "on" | "remote_apply" => Finding::ok("synchronous_commit", commit),
        _ => Finding::problem(
            "synchronous_commit",
            format!("{commit}, although we ask for on"),
            "something between us and the server drops startup options: set it for the role or the database",
        ),
    };
    let fsync = match (fsync.as_str(), pages.as_str()) {
        ("off", _) => Finding::problem("fsync", "off: a crash may corrupt or lose everything", "set fsync = on"),
        (_, "off") => Finding::warning(
            "fsync",
            "on, but full_page_writes is off: a crash may corrupt pages",
            "set full_page_writes = on, unless the file system rules torn pages out",
        ),
        _ => Finding::ok("fsync", fsync),
    };
    Ok(vec![commit, fsync])
}

/// Whether a failover may lose what was answered with success.
async fn failover(connection: &mut PgConnection) -> Result<Finding, StoreError> {
    let sql = "SELECT pg_is_in_recovery(), current_setting('synchronous_standby_names'),
        (SELECT count(*) FROM pg_stat_replication)";
    let row = sqlx::query(sql).fetch_one(connection).await?;
    let (replica, names): (bool, String) = (row.try_get(0)?, row.try_get(1)?);
    let standbys: i64 = row.try_get(2)?;
    Ok(if replica {
        Finding::problem("failover", "this server is a standby: it takes no writes", "name the primary in DATABASE_URL")
    } else if !names.is_empty() {
        Finding::ok("failover", format!("commits wait for {names}"))
    } else if standbys > 0 {
        Finding::warning(
            "failover",
            format!("{standbys} standby(s), and no commit waits for one: a failover may lose answered requests"),
            "set synchronous_standby_names",
        )
    } else {
        Finding::ok("failover", "no standby is connected: nothing to fail over to")
    })
}
