//! What the ledger's index knows where to find, and after the index ends all that follows.

use avanzacast_worker::store::{Session, Sql, StoreError, decode};
use bytes::Bytes;
use serde::Deserialize;
use tokio::sync::mpsc;

use super::{AHEAD, BATCH, Line, SourceError};

/// Rows that one statement gives: some 600 kB.
const PAGE: usize = 1_000;

const REACH: Sql = Sql {
    postgres: "SELECT json_build_object('cut', (SELECT seq FROM ledger_cut), 'size', (SELECT size FROM ledger_head),
            'indexed', (SELECT position FROM reactor WHERE name = 'audit')) WHERE $1::text[] IS NOT NULL",
    sqlite: "SELECT json_object('cut', (SELECT seq FROM ledger_cut), 'size', (SELECT size FROM ledger_head),
            'indexed', (SELECT position FROM reactor WHERE name = 'audit')) WHERE ?1 IS NOT NULL",
};
/// By kind, key, and the places between which they lie: `[seq, body]` each.
const INDEXED: Sql = Sql {
    postgres: "SELECT json_agg(json_build_array(seq, body)) FROM (SELECT l.seq, l.body FROM ledger_index i
            JOIN ledger l ON l.seq = i.seq
        WHERE i.kind = ($1::text[])[1] AND i.key = ($1::text[])[2]
            AND i.seq > ($1::text[])[3]::bigint AND i.seq <= ($1::text[])[4]::bigint ORDER BY i.seq LIMIT 1000) e",
    sqlite: "SELECT json_group_array(json_array(seq, body)) FROM (SELECT l.seq, l.body FROM ledger_index i
            JOIN ledger l ON l.seq = i.seq
        WHERE i.kind = (?1 ->> 0) AND i.key = (?1 ->> 1)
            AND i.seq > CAST(?1 ->> 2 AS INTEGER) AND i.seq <= CAST(?1 ->> 3 AS INTEGER) ORDER BY i.seq LIMIT 1000)",
};

/// How far an answer from the index reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Reach {
    /// What is up to here is archived, and can only be proved.
    pub cut: u64,
    /// The index goes up to here; events after it are looked at one by one.
    pub indexed: u64,
    /// The ledger's last event.
    pub size: u64,
}

impl Reach {
    /// As it is now.
    ///
    /// # Errors
    /// The database is away.
    pub async fn of(session: &mut Session) -> Result<Self, StoreError> {
        decode(&session.select(REACH, &[]).await?.0)
    }
}

pub(crate) type Found = Vec<(i64, String)>;

fn place(place: u64) -> i64 {
    i64::try_from(place).unwrap_or(i64::MAX)
}

/// The lines of the index under any of these keys of a kind, after a place and through another, as many as are read at once;
/// and the place through which they are all.
pub(crate) async fn page(
    session: &mut Session,
    (kind, keys): &(&'static str, Vec<String>),
    after: i64,
    through: i64,
) -> Result<(Found, i64), StoreError> {
    let (mut found, mut reach) = (Found::new(), through);
    for key in keys {
        let asked = [(*kind).to_owned(), key.clone(), after.to_string(), reach.to_string()];
        let (rows, _) = session.select(INDEXED, &asked).await?;
        let rows: Found = decode(&rows)?;
        if rows.len() >= PAGE {
            reach = rows.last().map_or(reach, |(seq, _)| *seq);
        }
        found.extend(rows);
    }
    // One event may be about two of them.
    found.retain(|(seq, _)| *seq <= reach);
    found.sort_by_key(|(seq, _)| *seq);
    found.dedup_by_key(|(seq, _)| *seq);
    Ok((found, reach))
}

/// The lines after a place and through another: by the index as far as it goes, and after that all of them.
async fn next(
    session: &mut Session,
    reach: Reach,
    keys: &(&'static str, Vec<String>),
    (after, through): (i64, i64),
) -> Result<(Found, i64), SourceError> {
    let indexed = place(reach.indexed).min(through);
    if after < indexed {
        return Ok(page(session, keys, after, indexed).await?);
    }
    let most = place(BATCH as u64).min(through - after);
    let found = session.events(after, most).await?;
    let follows = found.iter().zip(after + 1..).all(|((seq, _), place)| *seq == place);
    match found.last() {
        Some((last, _)) if follows => Ok((found.clone(), *last)),
        Some(_) | None => {
            let missing = u64::try_from(after).unwrap_or_default() + 1;
            // Somebody may be archiving meanwhile.
            let cut = u64::try_from(session.cut().await?).unwrap_or_default();
            Err(if missing <= cut {
                SourceError::Archived { asked: missing, first: cut + 1 }
            } else {
                SourceError::Missing { place: missing, last: reach.size }
            })
        }
    }
}

/// Reads ahead.
pub(super) fn read(
    mut session: Session,
    reach: Reach,
    keys: (&'static str, Vec<String>),
    (after, through): (i64, i64),
) -> mpsc::Receiver<Result<Vec<Line>, SourceError>> {
    let (give, lines) = mpsc::channel(AHEAD);
    tokio::spawn(async move {
        let mut after = after.max(place(reach.cut));
        while after < through {
            let batch = next(&mut session, reach, &keys, (after, through)).await;
            let (batch, ended) = match batch {
                Ok((found, last)) => {
                    after = last;
                    let line = |(seq, body)| (u64::try_from(seq).unwrap_or_default(), Bytes::from(body));
                    (Ok(found.into_iter().map(line).collect::<Vec<Line>>()), false)
                }
                Err(error) => (Err(error), true),
            };
            if give.send(batch).await.is_err() || ended {
                return;
            }
        }
    });
    lines
}
