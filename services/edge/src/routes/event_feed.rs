//! `GET /api/events`: events as they happen, and from any place before.

use avanzacast_kit::{config::Scope, connections::Hangup};
use axum::{
    Extension,
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, Version, header},
    response::{IntoResponse, Response},
};
use schemars::{Schema, SchemaGenerator, json_schema};

use crate::{
    Edge,
    access::Caller,
    ask::single,
    context::Context,
    event_query::{AFTER, BROADCAST, ROOM, SESSION, TYPE, USER, asked, place, read_place},
    feed::{self, Wish},
    operation::{Access, Method, Operation, Parameter, Success},
    problem::Problem,
    query::Query,
    record::Asker,
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
        AFTER,
        TYPE,
        SESSION,
        ROOM,
        BROADCAST,
        USER,
    ],
    body: None,
    answers: &[Success::of("text/event-stream", "Events", text)],
    refusals: &[],
};

fn text(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string" })
}

/// Proxies that gather answers would hold events back (nginx, `proxy_buffering`).
const UNBUFFERED: HeaderName = HeaderName::from_static("x-accel-buffering");

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
