//! Which events somebody wants to see.

use avanzacast_schemas::ParticipantId;
use serde::Deserialize;
use uuid::Uuid;

use crate::{event::Text, subjects::Subjects};

/// A type, or all that begin alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Types {
    /// `session.consumed`
    One(String),
    /// `session.`, written `session.*`
    Begin(String),
}

impl Types {
    /// Reads what a person writes.
    #[must_use]
    pub fn read(text: &str) -> Self {
        match text.strip_suffix('*') {
            Some(start) if start.ends_with('.') => Self::Begin(start.to_owned()),
            _ => Self::One(text.to_owned()),
        }
    }

    pub(crate) fn holds(&self, kind: &str) -> bool {
        match self {
            Self::One(one) => one == kind,
            Self::Begin(start) => kind.starts_with(start),
        }
    }
}

/// What is wanted; what is not set is not asked about. Of several values of one kind any will do; each kind that is asked
/// about must fit.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Any of these types; none is every type.
    pub types: Vec<Types>,
    /// Events about any of these participants.
    pub participants: Vec<ParticipantId>,
    /// Events in any of these rooms.
    pub rooms: Vec<String>,
    /// Events about any of these users, or what they made or own.
    pub users: Vec<i64>,
    /// Events about any of these broadcasts, or in their rooms.
    pub broadcasts: Vec<Uuid>,
    /// Events about any of these stays, by LiveKit's id.
    pub stays: Vec<String>,
}

/// The part of an event that says of what type it is.
#[derive(Deserialize)]
struct Typed<'a> {
    #[serde(borrow, rename = "type")]
    kind: Text<'a>,
}

impl Filter {
    /// Whether a line is wanted. A line that cannot be read is: nobody should miss it.
    #[must_use]
    pub fn wants(&self, line: &[u8]) -> bool {
        if !self.types.is_empty() {
            let Ok(Typed { kind }) = serde_json::from_slice::<Typed<'_>>(line) else { return true };
            if !self.types.iter().any(|types| types.holds(&kind.0)) {
                return false;
            }
        }
        let keys = self.keys();
        if keys.is_empty() {
            return true;
        }
        let Some(about) = Subjects::of(line) else { return true };
        let fits = |(kind, any): &(&str, Vec<String>)| {
            about.keys.iter().any(|(of, key)| of == kind && any.iter().any(|any| any == key))
        };
        keys.iter().all(fits)
    }

    /// What is asked about, as the index has it: kinds, the one with the fewest events first, each with the keys of which any
    /// will do. Nothing, when only types are asked about, or nothing is.
    #[must_use]
    pub fn keys(&self) -> Vec<(&'static str, Vec<String>)> {
        let all = [
            ("stay", self.stays.clone()),
            ("participant", self.participants.iter().map(ToString::to_string).collect()),
            ("user", self.users.iter().map(ToString::to_string).collect()),
            ("broadcast", self.broadcasts.iter().map(ToString::to_string).collect()),
            ("room", self.rooms.clone()),
        ];
        all.into_iter().filter(|(_, keys): &(_, Vec<String>)| !keys.is_empty()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &[u8] = br#"{"type":"session.consumed","time":"2026-02-02T02:40:00Z",
        "data":{"room":"a\u00e9\"b","participant":"p_x","createdBy":7}}"#;

    fn filter(types: &[&str], room: Option<&str>) -> Filter {
        let types = types.iter().map(|text| Types::read(text)).collect();
        Filter { types, rooms: room.into_iter().map(str::to_owned).collect(), ..Filter::default() }
    }

    #[test]
    fn types_are_matched_whole_or_by_their_beginning() {
        for good in [&["session.consumed"][..], &["session.*"], &["user.created", "session.*"], &[]] {
            assert!(filter(good, None).wants(LINE), "{good:?}");
        }
        for bad in ["session.consume", "session", "session*", "*", "sess.*", "user.*"] {
            assert!(!filter(&[bad], None).wants(LINE), "{bad}");
        }
    }

    #[test]
    fn a_room_is_matched_as_it_is_called_however_it_is_written() {
        assert!(filter(&[], Some("aé\"b")).wants(LINE));
        assert!(!filter(&[], Some("aé")).wants(LINE));
        assert!(!filter(&[], Some("r")).wants(br#"{"type":"t","time":"2026-02-02T02:40:00Z","data":{}}"#));
    }

    #[test]
    fn of_one_kind_any_will_do_and_every_kind_must() {
        let rooms = vec!["elsewhere".to_owned(), "aé\"b".to_owned()];
        let filter = Filter { rooms, users: vec![7], ..Filter::default() };
        assert!(filter.wants(LINE));
        assert!(!Filter { users: vec![8], ..filter.clone() }.wants(LINE));
        assert!(!Filter { types: vec![Types::read("user.*")], ..filter }.wants(LINE));
    }

    #[test]
    fn what_cannot_be_read_is_shown() {
        assert!(filter(&["session.*"], None).wants(b"forged"));
    }
}
