//! `GET /api/events`: events as they happen, and from any place before.

use avanzacast_kit::config::Scope;
use avanzacast_schemas::{EventFilter, EventTypes, ParticipantId, RoomName};
use axum::{
    Extension,
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, Version, header},
    response::{IntoResponse, Response},
};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use uuid::Uuid;

use crate::{
    Edge,
    access::Caller,
    ask::single,
    context::Context,
    feed::{self, Wish},
    operation::{Access, Method, Operation, Parameter, Success},
    problem::Problem,
    query::Query,
    record::Asker,
    serve::Hangup,
};

pub(crate) static OPERATION: Operation = Operation {
    id: "watchEvents",
    method: Method::GetOnly,
    path: "/api/events",
    group: "Audit",
    summary: "Events as they happen, and from any place before",
    about: "Server-sent events, as a browser's `EventSource` reads them: `id` is the event's `ledgerseq`, `event` its type, \
            `data` the event itself, byte for byte. Each comes once, in order. A stream that is cut is resumed with \
            `Last-Event-ID`, which browsers send by themselves; without it, and without `after`, it begins now. Filters are \
            all to be met, `type` by any of its values. Every 15 s a comment shows that it lives. `archived` stands for \
            events that the ledger has let go. Whoever reads nothing for 10 s is cut off.",
    access: Access::Secret(Scope::Audit),
    parameters: &[
        Parameter::header("Last-Event-ID", "Events after this place; it counts before `after`", place),
        Parameter::query("after", false, "Events after this place; 0 for all", place),
        Parameter::query("type", false, "Of this type, or `session.*`; may come up to 32 times", kind),
        Parameter::query("session", false, "About this session or participant", text),
        Parameter::query("room", false, "In this room", SchemaGenerator::subschema_for::<RoomName>),
        Parameter::query("broadcast", false, "About this broadcast, or in its room", SchemaGenerator::subschema_for::<Uuid>),
        Parameter::query("user", false, "About this user, or of theirs", SchemaGenerator::subschema_for::<i64>),
    ],
    body: None,
    answers: &[Success::of("text/event-stream", "Events", text)],
    refusals: &[],
};

/// More types than there are need no filter.
const TYPES_MAX: usize = 32;
/// Proxies that gather answers would hold events back (nginx, `proxy_buffering`).
const UNBUFFERED: HeaderName = HeaderName::from_static("x-accel-buffering");

fn place(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "integer", "minimum": 0, "maximum": i64::MAX })
}

fn kind(generator: &mut SchemaGenerator) -> Schema {
    EventTypes::json_schema(generator)
}

fn text(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string" })
}

pub(crate) async fn handle(
    State(edge): State<Edge>,
    Extension(context): Extension<Context>,
    Extension(caller): Extension<Caller>,
    hangup: Option<Extension<Hangup>>,
    version: Version,
    headers: HeaderMap,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Result<Response, Problem> {
    let (only, after) = asked(pairs)?;
    let after = match single(&headers, "last-event-id")?.filter(|id| !id.is_empty()) {
        Some(id) => Some(read_place("Last-Event-ID", id)?),
        None => after,
    };
    let asker = Asker { actor: caller.actor, context };
    let wish = Wish { after, only, asker, hangup: hangup.map(|Extension(hangup)| hangup), version };
    let body = feed::watch(&edge, wish).await?;
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (UNBUFFERED, HeaderValue::from_static("no")),
    ];
    Ok((headers, body).into_response())
}

/// What the query asks for. What it does not know is ignored; but for types, what is there twice is an error.
fn asked(pairs: Vec<(String, String)>) -> Result<(EventFilter, Option<u64>), Problem> {
    let (mut only, mut after) = (EventFilter::default(), None);
    for (name, value) in pairs {
        let twice = match name.as_str() {
            "type" => {
                only.types.push(EventTypes::try_from(value).map_err(|no| Problem::malformed(no.0))?.into());
                only.types.len() > TYPES_MAX
            }
            "after" => after.replace(read_place("after", &value)?).is_some(),
            "session" => only.participant.replace(ParticipantId::asked(value).map_err(|no| Problem::malformed(no.0))?).is_some(),
            "room" => only.room.replace(RoomName::try_from(value).map_err(|no| Problem::malformed(no.0))?).is_some(),
            "broadcast" => only.broadcast.replace(value.parse().map_err(|_| must("broadcast", "a UUID"))?).is_some(),
            "user" => only.user.replace(value.parse().map_err(|_| must("user", "a user's number"))?).is_some(),
            _ => false,
        };
        if twice {
            return Err(Problem::malformed(format!("the query has {name} too often")));
        }
    }
    Ok((only, after))
}

fn must(name: &str, what: &str) -> Problem {
    Problem::malformed(format!("{name} must be {what}"))
}

/// Ledgers count as databases do.
fn read_place(name: &str, text: &str) -> Result<u64, Problem> {
    let plain = text.bytes().all(|b| b.is_ascii_digit());
    let place = text.parse().ok().filter(|place: &u64| plain && i64::try_from(*place).is_ok());
    place.ok_or_else(|| must(name, "a place in the ledger, in decimal"))
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
            [("session", "p_xxx")],
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
