//! What somebody may ask for, as people write it: read alike wherever it is asked.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::names::{Invalid, ParticipantId, SessionId, name};

/// No type's name is longer.
const TYPE_MAX_BYTES: usize = 64;

name! {
    /// Events of a type (`session.consumed`), or of all types that begin so (`session.*`).
    EventTypes, {
        "type": "string", "pattern": "^[a-z]+(\\.[a-z]+)*(\\.\\*)?$", "maxLength": TYPE_MAX_BYTES
    }, |value| {
        let name = value.strip_suffix(".*").unwrap_or(value);
        let words = name.split('.').all(|word| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase()));
        let good = words && value.len() <= TYPE_MAX_BYTES;
        if good { Ok(()) } else { Err(Invalid("type must be an event's type, or one with .* at its end")) }
    }
}

impl ParticipantId {
    /// Whoever is asked about by a session's id, or by the participant itself. A session's id stands in no event; whom it
    /// lets in does. What begins as a participant and is none was mistyped.
    ///
    /// # Errors
    /// Neither.
    pub fn asked(text: String) -> Result<Self, Invalid> {
        const NEITHER: Invalid = Invalid("session must be a session's id, or a participant's");
        if let Some(participant) = Self::named(&text) {
            return Ok(participant);
        }
        if text.starts_with("p_") {
            return Err(NEITHER);
        }
        SessionId::try_from(text).map(|id| id.participant()).map_err(|_| NEITHER)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_words_and_a_star_at_the_end_at_most() {
        let types = |text: &str| EventTypes::try_from(text.to_owned());
        for good in ["session.consumed", "session.*", "session", "a.b.c.*"] {
            assert!(types(good).is_ok(), "{good}");
        }
        for bad in ["", "*", ".*", "session.", "ses*on", "session*", "Session.created", ".a", "a..b", &"a".repeat(65)] {
            assert!(types(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_session_is_asked_about_by_its_id_or_by_its_participant() {
        let asked = |text: &str| ParticipantId::asked(text.to_owned());
        assert_eq!(asked("p_fogkuxfwkgewsrvabnfa6sk32m").unwrap().as_str(), "p_fogkuxfwkgewsrvabnfa6sk32m");
        let id = SessionId::try_from("some-session".to_owned()).unwrap();
        assert_eq!(asked("some-session").unwrap(), id.participant());
        for bad in ["", "x", "p_xxx", "p_FOGKUXFWKGEWSRVABNFA6SK32M", "a b c d"] {
            assert!(asked(bad).is_err(), "{bad}");
        }
    }
}
