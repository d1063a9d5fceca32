//! The embedded SQLite.

use std::path::Path;

use avanzacast_kit::checkup::Finding;
use sqlx::Row;

use super::{Applied, Checkup, DATABASE, migrations};
use crate::store::{
    SQLITE, Session, StoreError,
    sqlite::{self, SqliteSession},
};

pub(super) async fn checkup(path: &Path) -> Checkup {
    let shown = path.display();
    if !path.exists() {
        return (vec![Finding::ok(DATABASE, format!("SQLite, {shown}: not there yet, made at the first start"))], None);
    }
    let looked = async {
        let mut session = sqlite::look(path).await?;
        let findings = look(&mut session, path).await?;
        Ok::<_, StoreError>((findings, session))
    };
    match looked.await {
        Ok(((findings, true), session)) => (findings, Some(Session::Sqlite(session))),
        Ok(((findings, false), _)) => (findings, None),
        Err(error) => {
            let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
            let advice = "check who owns the file and DATA_DIR";
            (vec![Finding::problem(DATABASE, format!("SQLite, {shown}, cannot be read: {cause}"), advice)], None)
        }
    }
}

async fn look(session: &mut SqliteSession, path: &Path) -> Result<(Vec<Finding>, bool), StoreError> {
    let row =
        sqlx::query("SELECT sqlite_version(), (SELECT count(*) FROM sqlite_master WHERE name = '_sqlx_migrations')")
            .fetch_one(&mut session.connection)
            .await?;
    let mut findings =
        vec![Finding::ok(DATABASE, format!("SQLite {}, {}", row.try_get::<String, _>(0)?, path.display()))];
    let exist: i64 = row.try_get(1)?;
    let applied: Vec<Applied> = if exist > 0 {
        let sql = "SELECT version, success, checksum FROM _sqlx_migrations ORDER BY version";
        sqlx::query_as(sql).fetch_all(&mut session.connection).await?
    } else {
        Vec::new()
    };
    findings.push(migrations(&SQLITE, &applied));
    Ok((findings, !applied.is_empty()))
}
