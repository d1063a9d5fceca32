//! Reading what an answer is made of.

use std::{collections::BTreeSet, path::PathBuf};

use avanzacast_schemas::{
    Moment,
    who::{About, Gap, Limits, Period, Who},
};
use avanzacast_worker::store::{Session, Sql, Store, StoreError, decode};
use uuid::Uuid;

use super::{
    archives::Archives,
    history::History,
    names::People,
    told::{Told, What, moment},
};
use crate::{Filter, Lines, Reach, SourceError, Types};

/// Where `presence.gap` stands: the first place of some events that were read together, and how many of them are such; from
/// an hour on.
const GAPS: Sql = Sql {
    postgres: "SELECT json_agg(json_build_array(seq, count) ORDER BY seq) FROM ledger_count
        WHERE hour >= ($1::text[])[1]::bigint AND type = 'presence.gap'",
    sqlite: "SELECT json_group_array(json_array(seq, count)) FROM (SELECT seq, count FROM ledger_count
        WHERE hour >= CAST(?1 ->> 0 AS INTEGER) AND type = 'presence.gap' ORDER BY seq)",
};
const KNOWN: Sql = Sql {
    postgres: "SELECT json_agg(known_at) FROM presence_watch WHERE $1::text[] IS NOT NULL",
    sqlite: "SELECT json_group_array(known_at) FROM presence_watch WHERE ?1 IS NOT NULL",
};
const HOUR_MS: i64 = 3_600_000;
/// Events read at once, where a gap is looked for.
const RUN: i64 = 2_048;

/// How far an answer looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Within {
    /// Events after this place are not looked at.
    pub through: u64,
    /// How many events are looked at, at most.
    pub most: u64,
}

impl Within {
    /// At all of them.
    pub const ALL: Self = Self { through: u64::MAX, most: u64::MAX };

    /// Counts events that were looked at.
    pub(super) fn looked_at(&mut self, events: usize) -> Result<(), SourceError> {
        let left = self.most.checked_sub(u64::try_from(events).unwrap_or(u64::MAX));
        self.most = left.ok_or(SourceError::Many)?;
        Ok(())
    }
}

/// Answers who could enter and who did, in a time or ever. Files of `audit archive` are looked at as well, when there are any.
///
/// # Errors
/// The database is away, a file cannot be read, or there is more to look at than should be.
pub async fn who(
    store: &Store,
    about: &About,
    period: Option<Period>,
    archives: &[PathBuf],
    mut within: Within,
) -> Result<Who, SourceError> {
    let filter = match about {
        About::Room(room) => Filter { rooms: vec![room.as_str().to_owned()], ..Filter::default() },
        About::Session(participant) => Filter { participants: vec![participant.clone()], ..Filter::default() },
    };
    let Gathered { mut events, reach, archived, gaps } = gather(store, &filter, archives, &mut within).await?;
    if let About::Session(_) = about {
        events.extend(endings(store, &events, archives, &mut within).await?);
        events.sort_by_key(|told| told.seq);
    }
    let mut session = store.connect().await?;
    let mut history = History::of(&events);
    let people = People::read(&mut session, &history.subjects()).await?;
    history.name(&people);
    let asked = period.unwrap_or(Period::ALWAYS);
    let gaps = gap_events(&mut session, reach, asked, &mut within, gaps).await?;
    let not_covered = limits(&mut session, (reach, archived), asked, gaps).await?;
    let (room, participant) = match about {
        About::Room(room) => (Some(room.to_string()), None),
        About::Session(participant) => (None, Some(participant.to_string())),
    };
    // Of thousands of people it takes a while.
    let answer = tokio::task::spawn_blocking(move || {
        let (entered, strangers) = history.entered(asked);
        Who { room, participant, period, could_enter: history.could_enter(asked), entered, strangers, not_covered }
    });
    Ok(answer.await.map_err(StoreError::interrupted)?)
}

/// What was found.
pub(super) struct Gathered {
    /// In order.
    pub(super) events: Vec<Told>,
    /// How far the index went.
    pub(super) reach: Reach,
    /// What is up to here is archived, and no file told of it.
    pub(super) archived: u64,
    /// What files tell of gaps.
    gaps: Vec<Told>,
}

/// What matters here of the events that the filter wants: of files, of the index, and of what follows it.
pub(super) async fn gather(
    store: &Store,
    filter: &Filter,
    archives: &[PathBuf],
    within: &mut Within,
) -> Result<Gathered, SourceError> {
    let mut read = Archives::of(store, archives, filter, within).await?;
    let keys = filter.keys().into_iter().next().unwrap_or(("room", Vec::new()));
    let (lines, reach) = Lines::of_index(store, keys, 1, within.through).await?;
    let mut events = take(lines, filter, within).await?;
    // Archives may overlap, with each other and with the ledger, whose own line comes first.
    events.append(&mut read.events);
    events.sort_by_key(|told| told.seq);
    events.dedup_by_key(|told| told.seq);
    let gaps = std::mem::take(&mut read.gaps);
    Ok(Gathered { events, reach, archived: if read.are_all(reach.cut) { 0 } else { reach.cut }, gaps })
}

/// Takes what is wanted.
async fn take(mut lines: Lines, filter: &Filter, within: &mut Within) -> Result<Vec<Told>, SourceError> {
    let mut events = Vec::new();
    while let Some(batch) = lines.next().await? {
        within.looked_at(batch.len())?;
        let told = batch.iter().filter(|(_, line)| filter.wants(line)).filter_map(|(_, line)| Told::read(line));
        events.extend(told);
    }
    Ok(events)
}

/// The ends of the broadcasts that sessions belong to: they say nothing of the session.
async fn endings(
    store: &Store,
    events: &[Told],
    archives: &[PathBuf],
    within: &mut Within,
) -> Result<Vec<Told>, SourceError> {
    let broadcast = |told: &Told| {
        if let What::LinkCreated(link) = &told.what {
            return link.broadcast_id;
        }
        let What::TokenRegistered(token) = &told.what else { return None };
        let id = token.room.as_str().strip_prefix("broadcast-").and_then(|id| id.parse().ok());
        token.broadcast_id.or(id)
    };
    let broadcasts: BTreeSet<Uuid> = events.iter().filter_map(broadcast).collect();
    if broadcasts.is_empty() {
        return Ok(Vec::new());
    }
    let types = vec![Types::read("broadcast.ended")];
    let filter = Filter { types, broadcasts: broadcasts.into_iter().collect(), ..Filter::default() };
    Ok(gather(store, &filter, archives, within).await?.events)
}

async fn limits(
    session: &mut Session,
    (reach, archived): (Reach, u64),
    period: Period,
    gaps_told: Vec<Told>,
) -> Result<Limits, SourceError> {
    let Reach { indexed, size, .. } = reach;
    let (known, _) = session.select(KNOWN, &[]).await?;
    let known: Vec<Option<i64>> = decode(&known)?;
    let mut gaps = Vec::new();
    for told in gaps_told {
        if let What::Gap(gap) = told.what {
            let (from, to) = (moment(&gap.from), moment(&gap.to));
            if from <= period.to && to >= period.from {
                gaps.push(Gap { seq: told.seq, from, to, joined: gap.joined, left: gap.left });
            }
        }
    }
    Ok(Limits { size, indexed, archived, gaps, known_until: known.into_iter().flatten().next().map(Moment) })
}

/// The gaps that ended in this time or later, beside those that files tell of: where they are is counted by the hour, and after
/// the index ends they are looked for.
async fn gap_events(
    session: &mut Session,
    reach: Reach,
    period: Period,
    within: &mut Within,
    archived: Vec<Told>,
) -> Result<Vec<Told>, SourceError> {
    let hour = period.from.0.div_euclid(HOUR_MS);
    let (rows, _) = session.select(GAPS, &[hour.to_string()]).await?;
    let rows: Vec<(i64, i64)> = decode(&rows)?;
    let place = |place: u64| i64::try_from(place).unwrap_or(i64::MAX);
    let mut found = archived;
    for (first, count) in rows {
        let (mut after, mut left) = ((first - 1).max(place(reach.cut)), count);
        while left > 0 && after < place(reach.indexed) {
            let events = session.events(after, RUN).await?;
            within.looked_at(events.len())?;
            let Some((last, _)) = events.last() else { break };
            after = *last;
            let gaps = events.iter().filter_map(|(_, line)| gap(line)).take(usize::try_from(left).unwrap_or_default());
            let before = found.len();
            found.extend(gaps);
            left -= i64::try_from(found.len() - before).unwrap_or(i64::MAX);
        }
    }
    let mut after = place(reach.indexed);
    while after < place(reach.size) {
        let events = session.events(after, RUN).await?;
        within.looked_at(events.len())?;
        let Some((last, _)) = events.last() else { break };
        after = *last;
        found.extend(events.iter().filter_map(|(_, line)| gap(line)));
    }
    found.sort_by_key(|told| told.seq);
    found.dedup_by_key(|told| told.seq);
    Ok(found)
}

fn gap(line: &str) -> Option<Told> {
    Told::read(line.as_bytes()).filter(|told| matches!(told.what, What::Gap(_)))
}
