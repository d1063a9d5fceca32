//! What was signed, as the database keeps it.

use avanzacast_worker::store::{Session, Sql, StoreError, decode};
use serde::Deserialize;

const NEWEST: Sql = Sql {
    postgres: "SELECT json_agg(json_build_object('note', note, 'signed_at', signed_at)) FROM (SELECT note, signed_at
        FROM checkpoint WHERE $1::text[] IS NOT NULL ORDER BY size DESC LIMIT 1) c",
    sqlite: "SELECT json_group_array(json_object('note', note, 'signed_at', signed_at)) FROM (SELECT note, signed_at
        FROM checkpoint WHERE ?1 IS NOT NULL ORDER BY size DESC LIMIT 1)",
};

/// A checkpoint as it was signed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Signed {
    /// The signed note.
    pub note: String,
    /// When: Unix milliseconds.
    pub signed_at: i64,
}

/// The one that signs the most events, if anything was ever signed.
///
/// # Errors
/// The database is away.
pub async fn newest(session: &mut Session) -> Result<Option<Signed>, StoreError> {
    let (found, _) = session.select(NEWEST, &[]).await?;
    Ok(decode::<Vec<Signed>>(&found)?.pop())
}
