//! Some events at once: what state they are about is read, and what they make of it is to be written.

use std::collections::BTreeSet;

use avanzacast_kit::time;
use avanzacast_schemas::Event;
use avanzacast_worker::store::{Change, Session, Sql, StoreError, decode};
use serde::Deserialize;

use super::{
    fold::{Forgotten, State},
    rows::{self, Kept},
    statements,
};
use crate::CloudEvent;

/// Events at once: some milliseconds of a database.
pub(super) const BATCH: usize = 500;

/// An event that was read, and when it happened: Unix milliseconds.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) at: i64,
    pub(super) event: Event,
}

/// Reads a line; `None` for an event of a type that is not ours.
///
/// # Errors
/// What is wrong with it, without its values.
pub(super) fn told(event: &CloudEvent<'_>) -> Result<Option<Told>, &'static str> {
    let at = time::parse_rfc3339(event.time()).ok_or("its time is missing")?;
    let read = Event::read(event.kind(), event.data()).map_err(|_| "its data is not what its type has")?;
    Ok(read.map(|event| Told { at, event }))
}

/// What [`statements::BY_KEY`] gives.
#[derive(Deserialize)]
struct Read {
    sessions: Option<Vec<rows::Session>>,
    broadcasts: Option<Vec<rows::Broadcast>>,
    rooms: Option<Vec<rows::Room>>,
    stays: Option<Vec<rows::Stay>>,
}

impl From<Read> for State {
    fn from(read: Read) -> Self {
        Self {
            sessions: Kept::read(read.sessions),
            broadcasts: Kept::read(read.broadcasts),
            rooms: Kept::read(read.rooms),
            stays: Kept::read(read.stays),
            ..Self::default()
        }
    }
}

/// Reads what the events are about, and folds them into it.
///
/// # Errors
/// The database is away.
pub(super) async fn fold(session: &mut Session, events: Vec<Told>) -> Result<State, StoreError> {
    let keys: BTreeSet<String> = events.iter().filter_map(|told| key(&told.event)).collect();
    let keys: Vec<String> = keys.into_iter().collect();
    let (rows, _) = session.select(statements::BY_KEY, &keys).await?;
    let mut state = State::from(decode::<Read>(&rows)?);
    for told in events {
        state.apply(told.event, told.at);
    }
    Ok(state)
}

/// What has to be read for an event; `None` for what only adds, or changes nothing.
fn key(event: &Event) -> Option<String> {
    let session = |participant: &avanzacast_schemas::ParticipantId| Some(format!("s:{participant}"));
    match event {
        Event::SessionCreated(event) => session(&event.participant),
        Event::TokenRegistered(event) => session(&event.participant),
        Event::TokenReissued(event) => session(&event.participant),
        Event::SessionConsumed(event) => session(&event.participant),
        Event::SessionRevoked(event) => session(&event.participant),
        Event::SessionExpired(event) => session(&event.participant),
        Event::BroadcastStarted(event) => Some(format!("b:{}", event.broadcast)),
        Event::BroadcastEnded(event) => Some(format!("b:{}", event.broadcast)),
        Event::RoomStarted(event) => Some(format!("r:{}", event.room_sid)),
        Event::RoomFinished(event) => Some(format!("r:{}", event.room_sid)),
        Event::ParticipantJoined(event) => Some(format!("p:{}", event.sid)),
        Event::ParticipantLeft(event) => Some(format!("p:{}", event.sid)),
        Event::ParticipantUnknown(event) => Some(format!("p:{}", event.sid)),
        Event::TokenRefused(_)
        | Event::TokenIssued(_)
        | Event::UserCreated(_)
        | Event::BroadcastCreated(_)
        | Event::PresenceGap(_)
        | Event::PersonErased(_)
        | Event::PersonExpired(_)
        | Event::RequestsRefused(_)
        | Event::LedgerArchived(_)
        | Event::LedgerGap(_) => None,
    }
}

/// The rows to be written; users before the broadcasts that they own.
pub(super) fn changes(state: &State) -> Vec<Change> {
    let first = state.accounts.changes().chain(state.broadcasts.changes());
    let then = state.sessions.changes().chain(state.rooms.changes()).chain(state.stays.changes());
    first.chain(then).collect()
}

/// Forgets what is to be forgotten about people, after the rows are written.
///
/// # Errors
/// The database is away.
pub(super) async fn forget(session: &mut Session, forgotten: &[Forgotten]) -> Result<(), StoreError> {
    for whom in forgotten {
        let (statements, key): (&[Sql], String) = match whom {
            Forgotten::Participant(participant) => (statements::FORGET_PARTICIPANT, participant.clone()),
            Forgotten::User(id) => (statements::FORGET_USER, id.to_string()),
            Forgotten::Stay(sid) => (statements::FORGET_STAY, sid.clone()),
            Forgotten::Before(moment) => (statements::FORGET_BEFORE, moment.to_string()),
        };
        for sql in statements {
            session.amend(*sql, std::slice::from_ref(&key)).await?;
        }
    }
    Ok(())
}
