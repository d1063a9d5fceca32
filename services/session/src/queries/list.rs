//! `qry.session.list`: what a manager sees, newest first.

use avanzacast_schemas::{
    ListSessions, ManagedSession, Page, Refusal, RoomName, SessionState, bad_cursor, cursor_of, page_limit, place_of,
};
use avanzacast_worker::{
    Find,
    store::{StoreError, decode},
};

use super::{managed, part_of_name::PartOfName};
use crate::{state::Session, statements, store::Row};

/// A query that can be asked.
#[derive(Debug)]
pub struct Listing {
    after: (i64, String),
    limit: usize,
    state: Option<SessionState>,
    room: Option<RoomName>,
    name: Option<PartOfName>,
    /// A room and a broadcast that are not the same one's.
    nothing: bool,
}

impl TryFrom<ListSessions> for Listing {
    type Error = Refusal;

    fn try_from(list: ListSessions) -> Result<Self, Refusal> {
        let after = match list.cursor {
            None => (i64::MAX, String::new()),
            Some(cursor) => place(&cursor)?,
        };
        let limit = usize::try_from(page_limit(list.limit)?).unwrap_or_default();
        let own = list.broadcast_id.map(RoomName::of_broadcast);
        let nothing = own.is_some() && list.room.is_some() && own != list.room;
        let name = list.username.as_ref().map(PartOfName::from);
        Ok(Self { after, limit, state: list.state, room: own.or(list.room), name, nothing })
    }
}

/// A cursor holds a moment and a participant: it stands in URLs, where a session's id must not.
fn place(cursor: &str) -> Result<(i64, String), Refusal> {
    let place = place_of(cursor)?;
    let (moment, participant) = place.split_once('.').ok_or_else(bad_cursor)?;
    let participant = Some(participant).filter(|text| text.len() == 28 && text.starts_with("p_"));
    let participant = participant.ok_or_else(bad_cursor)?.to_owned();
    Ok((moment.parse().map_err(|_| bad_cursor())?, participant))
}

impl Listing {
    pub(crate) fn find(&self) -> Find {
        if self.nothing {
            return Find::Rows(Vec::new());
        }
        let (moment, participant) = &self.after;
        // One more than asked for tells whether there is a next page.
        let mut keys = vec![moment.to_string(), participant.clone(), (self.limit + 1).to_string()];
        keys.push(self.state.map(SessionState::as_str).unwrap_or_default().to_owned());
        keys.push(self.room.as_ref().map(RoomName::as_str).unwrap_or_default().to_owned());
        let sql = match (&self.room, &self.name) {
            (None, None) => statements::NEWEST,
            (Some(_), None) => statements::IN_ROOM,
            (None, Some(_)) => statements::CALLED,
            (Some(_), Some(_)) => statements::CALLED_IN_ROOM,
        };
        keys.extend(self.name.iter().flat_map(|name| [name.regular_expression(), name.glob()]));
        Find::Page { sql, keys }
    }

    /// The page that these rows make.
    pub(crate) fn page(&self, rows: &str, now: i64) -> Result<Page<ManagedSession>, StoreError> {
        let mut rows: Vec<Row> = decode(rows)?;
        let looked_through = rows.last().is_some_and(|row| row.place == Some(statements::LOOKED_THROUGH));
        let more = looked_through || rows.len() > self.limit;
        rows.truncate(self.limit);
        let sessions: Vec<Session> = rows.into_iter().map(Session::from).collect();
        let last = sessions.last().filter(|_| more);
        let next = last.map(|last| cursor_of(&format!("{}.{}", last.created_at, last.id.participant())));
        let seen = sessions.iter().map(|session| managed(session, now));
        let is_wanted = |session: &ManagedSession| {
            self.state.is_none_or(|state| session.state == state)
                && self.name.as_ref().is_none_or(|name| name.is_in(&session.username))
        };
        let items = seen.filter(is_wanted).collect();
        Ok(Page { items, next })
    }
}
