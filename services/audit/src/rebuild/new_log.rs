//! A new log in the place of one that lost events for good.

use std::collections::HashMap;

use avanzacast_kit::time;
use avanzacast_schemas::{Actor, ActorKind, Event, LedgerGap};
use avanzacast_worker::{
    ledger::{AppendError, Appender},
    store::{Head, Kept, NewLog, Sql, Store, StoreError, decode},
};
use rand::rngs::StdRng;
use uuid::Uuid;

use super::Known;
use crate::CloudEvent;

/// The first event of every log that took another's place: `[ledger id, line]` each.
const BEFORE: Sql = Sql {
    postgres: "SELECT json_agg(json_build_array(ledger_id, first)) FROM log_before WHERE $1::text[] IS NOT NULL",
    sqlite: "SELECT json_group_array(json_array(ledger_id, first)) FROM log_before WHERE ?1 IS NOT NULL",
};

/// What is given up, and why.
#[derive(Debug, Clone, Copy)]
pub struct Loss<'a> {
    /// How the log that lost events was called.
    pub previous_origin: &'a str,
    /// Its last checkpoint that is known.
    pub previous_checkpoint: Option<&'a Known>,
    /// Why it is given up.
    pub reason: &'a str,
}

/// The log cannot be given up.
#[derive(Debug, thiserror::Error)]
pub enum NewLogError {
    /// Its id is not one that we make.
    #[error("the ledger's id is none of ours: its tables could not be named by it")]
    Id,
    /// Somebody else writes.
    #[error("somebody else appends to this ledger")]
    Moved,
    /// The event could not be written.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// The database failed.
    #[error("the database failed")]
    Store(#[from] StoreError),
}

/// Puts a new log with this id in the place of the one that is there. Its first event says so; the other one is kept, and
/// takes nothing any more; state stays as it is.
///
/// # Errors
/// [`NewLogError`].
pub async fn accept_loss(store: &Store, id: Uuid, loss: Loss<'_>) -> Result<Kept, NewLogError> {
    let old = store.connect().await?.head().await?;
    let kept = Kept::of(&old.ledger_id).ok_or(NewLogError::Id)?;
    let gap = LedgerGap {
        actor: Actor::of(ActorKind::Operator),
        previous_ledger_id: old.ledger_id.clone(),
        previous_size: u64::try_from(old.size).unwrap_or_default(),
        previous_origin: loss.previous_origin.to_owned(),
        previous_checkpoint: loss.previous_checkpoint.map(|known| known.note.clone()),
        reason: loss.reason.to_owned(),
    };
    let empty = Head { ledger_id: id.to_string(), size: 0, frontier: Vec::new() };
    let mut random: StdRng = rand::make_rng();
    let mut appender = Appender::new(&empty, time::now_ms())?;
    appender.append(&Event::LedgerGap(gap), &mut random)?;
    let (bodies, frontier) = appender.finish();
    let first = bodies.first().map_or("", String::as_str);
    let head = Head { size: 1, frontier, ..empty };
    let new = NewLog { instead_of: &old, kept: &kept, head: &head, first };
    if store.replace_ledger(&new).await? { Ok(kept) } else { Err(NewLogError::Moved) }
}

/// What the logs before this one were, the latest first, as the first event of each that followed says.
///
/// # Errors
/// The database is away.
pub async fn gaps_before(store: &Store) -> Result<Vec<LedgerGap>, StoreError> {
    let mut session = store.connect().await?;
    let mut ledger_id = session.head().await?.ledger_id;
    let (found, _) = session.select(BEFORE, &[]).await?;
    let mut firsts: HashMap<String, String> =
        decode::<Option<Vec<_>>>(&found)?.unwrap_or_default().into_iter().collect();
    let mut gaps = Vec::new();
    while let Some(gap) = firsts.remove(&ledger_id).and_then(|first| gap(&first)) {
        ledger_id.clone_from(&gap.previous_ledger_id);
        gaps.push(gap);
    }
    Ok(gaps)
}

fn gap(line: &str) -> Option<LedgerGap> {
    let event = CloudEvent::read(line.as_bytes()).ok()?;
    let Event::LedgerGap(gap) = Event::read(event.kind(), event.data()).ok()?? else { return None };
    Some(gap)
}
