//! State made anew from the record, in a database of its own.

use avanzacast_schemas::Event;
use avanzacast_worker::store::{Plan, Session, Store};

use super::{
    RebuildError,
    batch::{self, BATCH, Told},
    feed::Feed,
};
use crate::CloudEvent;

/// What was replayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Replayed {
    /// The last place of the last log.
    pub last: u64,
    /// Whether it begins where another log ended that was not given.
    pub gap: bool,
}

/// Makes the tables in an empty database, and state from the record in it. Nothing else happens: nobody is called, nothing
/// is published, and the database's own ledger stays empty, so that no worker takes it for one to go on with.
///
/// # Errors
/// The database is not empty, or away; lines cannot be had, or do not follow one another from the first event on.
pub async fn rebuild(feeds: Vec<Feed>, into: &Store) -> Result<Replayed, RebuildError> {
    if !into.is_empty().await? {
        return Err(RebuildError::NotEmpty);
    }
    into.migrate().await?;
    let mut session = into.connect().await?;
    let mut order = Order::default();
    let mut waiting = Vec::with_capacity(BATCH);
    for mut feed in feeds {
        while let Some(lines) = feed.next().await? {
            for line in lines {
                waiting.extend(order.take(&line)?);
                if waiting.len() == BATCH {
                    write(&mut session, std::mem::take(&mut waiting)).await?;
                }
            }
        }
    }
    write(&mut session, waiting).await?;
    Ok(order.0)
}

async fn write(session: &mut Session, events: Vec<Told>) -> Result<(), RebuildError> {
    session.lock().await?;
    let state = batch::fold(session, events).await?;
    // Its ledger stays as it is: empty.
    let plan = Plan { changes: batch::changes(&state), ..Plan::default() };
    if !session.write(0, &plan).await? {
        return Err(RebuildError::NotEmpty);
    }
    batch::forget(session, &state.forgotten).await?;
    Ok(session.commit().await?)
}

/// That nothing is missing between the lines.
#[derive(Debug, Default)]
struct Order(Replayed);

impl Order {
    /// Takes a line; nothing for one that came before, or is of a type that is not ours.
    fn take(&mut self, line: &[u8]) -> Result<Option<Told>, RebuildError> {
        let after = self.0.last;
        let wrong = |why| RebuildError::Line { after, why };
        let event = CloudEvent::read(line).map_err(wrong)?;
        let place = event.place().unwrap_or_default();
        let told = batch::told(&event).map_err(wrong)?;
        if let Some(Told { event: Event::LedgerGap(gap), .. }) = &told
            && place == 1
        {
            if after > 0 && gap.previous_size != after {
                return Err(wrong("another log begins here, which follows another place"));
            }
            self.0 = Replayed { last: 1, gap: after == 0 };
            return Ok(None);
        }
        // Files may overlap.
        if place <= after {
            return Ok(None);
        }
        if place != after + 1 {
            return Err(RebuildError::Missing { place: after + 1, found: place });
        }
        self.0.last = place;
        Ok(told)
    }
}
