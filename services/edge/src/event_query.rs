//! Which events a query asks for: the same words wherever events are asked for.

use avanzacast_schemas::{EventFilter, EventTypes, ParticipantId, RoomName, SessionId};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use uuid::Uuid;

use crate::{operation::Parameter, problem::Problem};

pub(crate) const AFTER: Parameter = Parameter::query("after", false, "Events after this place; 0 for all", place);
pub(crate) const TYPE: Parameter =
    Parameter::query("type", false, "Of this type, or `session.*`; may come up to 32 times", kind);
pub(crate) const SESSION: Parameter = Parameter::query(
    "session",
    false,
    "About this session or participant",
    SchemaGenerator::subschema_for::<SessionId>,
);
pub(crate) const ROOM: Parameter =
    Parameter::query("room", false, "In this room", SchemaGenerator::subschema_for::<RoomName>);
pub(crate) const BROADCAST: Parameter = Parameter::query(
    "broadcast",
    false,
    "About this broadcast, or in its room",
    SchemaGenerator::subschema_for::<Uuid>,
);
pub(crate) const USER: Parameter =
    Parameter::query("user", false, "About this user, or of theirs", SchemaGenerator::subschema_for::<i64>);

/// More types than there are need no filter.
const TYPES_MAX: usize = 32;

pub(crate) fn place(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "integer", "minimum": 0, "maximum": i64::MAX })
}

fn kind(generator: &mut SchemaGenerator) -> Schema {
    EventTypes::json_schema(generator)
}

/// What the query asks for. What it does not know is ignored; but for types, what is there twice is an error.
pub(crate) fn asked(pairs: Vec<(String, String)>) -> Result<(EventFilter, Option<u64>), Problem> {
    let (mut only, mut after) = (EventFilter::default(), None);
    for (name, value) in pairs {
        let twice = match name.as_str() {
            "type" => {
                only.types.push(EventTypes::try_from(value).map_err(|no| Problem::malformed(no.0))?.into());
                only.types.len() > TYPES_MAX
            }
            "after" => after.replace(read_place("after", &value)?).is_some(),
            "session" => only.participant.replace(participant(value)?).is_some(),
            "room" => only.room.replace(room(value)?).is_some(),
            "broadcast" => only.broadcast.replace(broadcast(&value)?).is_some(),
            "user" => only.user.replace(value.parse().map_err(|_| must("user", "a user's number"))?).is_some(),
            _ => false,
        };
        if twice {
            return Err(Problem::malformed(format!("the query has {name} too often")));
        }
    }
    Ok((only, after))
}

pub(crate) fn must(name: &str, what: &str) -> Problem {
    Problem::malformed(format!("{name} must be {what}"))
}

pub(crate) fn room(text: String) -> Result<RoomName, Problem> {
    RoomName::try_from(text).map_err(|invalid| Problem::malformed(invalid.0))
}

pub(crate) fn broadcast(text: &str) -> Result<Uuid, Problem> {
    text.parse().map_err(|_| must("broadcast", "a UUID"))
}

/// Ledgers count as databases do.
pub(crate) fn read_place(name: &str, text: &str) -> Result<u64, Problem> {
    let plain = text.bytes().all(|b| b.is_ascii_digit());
    let place = text.parse().ok().filter(|place: &u64| plain && i64::try_from(*place).is_ok());
    place.ok_or_else(|| must(name, "a place in the ledger, in decimal"))
}

/// A session's id stands in no event; whom it lets in does.
pub(crate) fn participant(text: String) -> Result<ParticipantId, Problem> {
    ParticipantId::asked(text).map_err(|no| Problem::malformed(no.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &[(&str, &str)]) -> Option<(EventFilter, Option<u64>)> {
        asked(query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()).ok()
    }

    #[test]
    fn a_query_is_read_whole_or_not_at_all() {
        let all = [
            ("type", "session.*"),
            ("type", "user.created"),
            ("session", "0b8a7f9e-6c1d-4a53-9b1e-2f7c3d4e5f60"),
            ("room", "démo"),
            ("user", "7"),
            ("after", "0"),
            ("unknown", "x"),
        ];
        let (only, after) = read(&all).unwrap();
        assert_eq!((only.types.len(), only.user, after), (2, Some(7), Some(0)));
        assert!(only.participant.is_some_and(|participant| participant.as_str().starts_with("p_")));
        assert!(read(&[("session", "p_fogkuxfwkgewsrvabnfa6sk32m")]).is_some());
        for wrong in [
            [("after", "-1")],
            [("after", "+1")],
            [("after", "")],
            [("after", "9223372036854775808")],
            [("type", "")],
            [("type", "*")],
            [("type", "Session.created")],
            [("type", "session.")],
            [("session", "x")],
            [("session", "p_x")],
            [("room", "")],
            [("broadcast", "x")],
            [("user", "x")],
        ] {
            assert!(read(&wrong).is_none(), "{wrong:?}");
        }
        assert!(read(&[("room", "a"), ("room", "a")]).is_none());
        assert!(read(&[("type", "a.b"); 33]).is_none());
    }
}
