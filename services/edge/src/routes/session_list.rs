//! `GET /api/sessions`: sessions, for a manager, newest first.

use avanzacast_kit::config::Scope;
use avanzacast_schemas::{ListSessions, ManagedSession, RoomName, SessionState, Username, bus::subject, command_id};
use axum::{Extension, extract::State, http::Uri, response::Response};
use schemars::SchemaGenerator;
use uuid::Uuid;

use crate::{
    Edge,
    access::Caller,
    ask::Ask,
    context::Context,
    list::{CURSOR, LIMIT, page},
    operation::{Access, Method, Operation, Parameter, Success},
    problem::Problem,
    query::Query,
};

pub(crate) static OPERATION: Operation = Operation {
    id: "listSessions",
    method: Method::Get,
    path: "/api/sessions",
    group: "Sessions",
    summary: "What a manager sees of sessions, newest first",
    about: "Never a token. A page can hold fewer than `limit` and still have a next one: the `Link` header tells.",
    access: Access::Secret(Scope::Manage),
    parameters: &[
        Parameter::query("room", false, "Only of this room", SchemaGenerator::subschema_for::<RoomName>),
        Parameter::query("broadcastId", false, "Only of this broadcast", SchemaGenerator::subschema_for::<Uuid>),
        Parameter::query("state", false, "Only in this state", SchemaGenerator::subschema_for::<SessionState>),
        Parameter::query(
            "username",
            false,
            "Only where what the participant is called has this in it, in capitals or not",
            SchemaGenerator::subschema_for::<Username>,
        ),
        LIMIT,
        CURSOR,
    ],
    body: None,
    answers: &[Success::json(200, "A page", SchemaGenerator::subschema_for::<Vec<ManagedSession>>).with(&["Link"])],
    refusals: &[],
};

pub(crate) async fn handle(
    State(edge): State<Edge>,
    Extension(context): Extension<Context>,
    Extension(caller): Extension<Caller>,
    uri: Uri,
    Query(query): Query<ListSessions>,
) -> Result<Response, Problem> {
    let id = command_id::fresh();
    let ask = Ask { subject: subject::SESSION_LIST, id, actor: &caller.actor, context, command: &query };
    page(&uri, &edge.ask(ask).await?)
}
