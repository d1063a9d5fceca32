//! Events in order, a page at a time: by the index as far as it reaches, and after that one by one.

use avanzacast_schemas::{EventFilter, EventsPage, ListEvents, Moment};
use avanzacast_worker::store::{Session, StoreError};

use crate::{Reach, Types, indexed_page, subjects::Subjects};

/// What fits in a message of the bus, with room for what JSON adds to it.
const BYTES: usize = 96 * 1024;
/// Events looked at for one page.
const MOST: i64 = 1_000;

/// What somebody wants, as the index has it.
struct Wanted {
    types: Vec<Types>,
    keys: Vec<(&'static str, String)>,
}

impl Wanted {
    fn new(only: EventFilter) -> Self {
        let keys = [
            ("participant", only.participant.map(|participant| participant.to_string())),
            ("user", only.user.map(|user| user.to_string())),
            ("broadcast", only.broadcast.map(|broadcast| broadcast.to_string())),
            ("room", only.room.map(|room| room.as_str().to_owned())),
        ];
        let keys = keys.into_iter().filter_map(|(kind, key)| Some((kind, key?))).collect();
        Self { types: only.types.iter().map(|text| Types::read(text)).collect(), keys }
    }

    /// A line that is no event is wanted: nobody should miss it.
    fn wants(&self, line: &str) -> bool {
        if self.types.is_empty() && self.keys.is_empty() {
            return true;
        }
        Subjects::of(line.as_bytes()).is_none_or(|about| {
            (self.types.is_empty() || self.types.iter().any(|types| types.holds(&about.kind)))
                && self.keys.iter().all(|(kind, key)| about.keys.iter().any(|(of, about)| of == kind && about == key))
        })
    }
}

/// A page, as much as fits.
pub(super) async fn page(session: &mut Session, asked: ListEvents) -> Result<EventsPage, StoreError> {
    let reach = Reach::of(session).await?;
    let place = |place: u64| i64::try_from(place).unwrap_or(i64::MAX);
    let (cut, size, indexed) = (place(reach.cut), place(reach.size), place(reach.indexed));
    let wanted = Wanted::new(asked.only);
    let after = place(asked.after).max(before(session, asked.from).await?.unwrap_or(0)).max(cut);
    let last = before(session, asked.to).await?.map(|last| last.min(size));
    let end = asked.through.map_or(size, place).min(last.unwrap_or(size)).min(size);
    let (found, mut through) = match wanted.keys.first() {
        Some((kind, key)) if after < indexed.min(end) => {
            indexed_page(session, &(*kind, vec![key.clone()]), after, indexed.min(end)).await?
        }
        Some(_) | None if after < end => {
            let found = session.events(after, MOST.min(end - after)).await?;
            let last = found.last().map_or(after, |(seq, _)| *seq);
            (found, last)
        }
        Some(_) | None => (Vec::new(), after.min(end.max(after))),
    };
    let (mut bytes, mut events) = (0, Vec::new());
    for (seq, line) in found.into_iter().filter(|(_, line)| wanted.wants(line)) {
        bytes += line.len();
        if bytes > BYTES && !events.is_empty() {
            through = seq - 1;
            break;
        }
        events.push(line);
    }
    let whole = |number: i64| u64::try_from(number).unwrap_or_default();
    let last = last.map(whole);
    Ok(EventsPage { through: whole(through), end: whole(size), first: whole(cut) + 1, last, events })
}

/// The last place that is older than a moment. The ledger is in order of time, so a few looks find it.
async fn before(session: &mut Session, moment: Option<Moment>) -> Result<Option<i64>, StoreError> {
    let Some(Moment(moment)) = moment else { return Ok(None) };
    let first = session.first_at(moment).await?;
    Ok(Some(i64::try_from(first).unwrap_or(i64::MAX).saturating_sub(1)))
}
