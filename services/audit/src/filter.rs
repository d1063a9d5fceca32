//! Which events somebody wants to see.

use avanzacast_schemas::ParticipantId;
use serde::Deserialize;

use crate::event::Text;

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

/// What is wanted; what is not set is not asked about.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Any of these types; none is every type.
    pub types: Vec<Types>,
    /// Events about this participant.
    pub participant: Option<ParticipantId>,
    /// Events in this room.
    pub room: Option<String>,
}

/// The part of an event that is asked about.
#[derive(Deserialize)]
struct Asked<'a> {
    #[serde(borrow, rename = "type")]
    kind: Text<'a>,
    #[serde(borrow)]
    data: About<'a>,
}

#[derive(Deserialize)]
struct About<'a> {
    #[serde(borrow, default)]
    participant: Option<Text<'a>>,
    #[serde(borrow, default)]
    room: Option<Text<'a>>,
}

impl Filter {
    /// Whether a line is wanted. A line that cannot be read is: nobody should miss it.
    #[must_use]
    pub fn wants(&self, line: &[u8]) -> bool {
        if self.types.is_empty() && self.participant.is_none() && self.room.is_none() {
            return true;
        }
        let Ok(Asked { kind, data }) = serde_json::from_slice::<Asked<'_>>(line) else { return true };
        let is = |wanted: Option<&str>, found: &Option<Text<'_>>| {
            wanted.is_none_or(|wanted| found.as_ref().is_some_and(|found| found.0 == wanted))
        };
        (self.types.is_empty() || self.types.iter().any(|types| types.holds(&kind.0)))
            && is(self.participant.as_ref().map(ParticipantId::as_str), &data.participant)
            && is(self.room.as_deref(), &data.room)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &[u8] = br#"{"type":"session.consumed","data":{"room":"a\u00e9\"b","participant":"p_x"}}"#;

    fn filter(types: &[&str], room: Option<&str>) -> Filter {
        let types = types.iter().map(|text| Types::read(text)).collect();
        Filter { types, room: room.map(str::to_owned), participant: None }
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
        assert!(!filter(&[], Some("r")).wants(br#"{"type":"user.created","data":{}}"#));
    }

    #[test]
    fn what_cannot_be_read_is_shown() {
        assert!(filter(&["session.*"], None).wants(b"forged"));
    }
}
