//! `GET /api/broadcasts`: broadcasts, newest first, a page at a time.

use avanzacast_kit::config::{Door, Scope};
use avanzacast_schemas::{Broadcast, BroadcastStatus, ListBroadcasts, bus::subject, command_id};
use axum::{Extension, extract::State, http::Uri, response::Response};
use schemars::SchemaGenerator;

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
    id: "listBroadcasts",
    method: Method::Get,
    path: "/api/broadcasts",
    group: "Broadcasts",
    summary: "Broadcasts, newest first",
    about: "The `Link` header tells whether there are more. What is made meanwhile neither shifts nor repeats anything.",
    access: Access::Open(Door::Broadcasts, Scope::Manage),
    parameters: &[
        Parameter::query("ownerId", false, "Only of this user", SchemaGenerator::subschema_for::<i64>),
        Parameter::query("status", false, "Only with this status", SchemaGenerator::subschema_for::<BroadcastStatus>),
        LIMIT,
        CURSOR,
    ],
    body: None,
    answers: &[Success::json(200, "A page", SchemaGenerator::subschema_for::<Vec<Broadcast>>).with(&["Link"])],
    refusals: &[],
};

pub(crate) async fn handle(
    State(edge): State<Edge>,
    Extension(context): Extension<Context>,
    Extension(caller): Extension<Caller>,
    uri: Uri,
    Query(query): Query<ListBroadcasts>,
) -> Result<Response, Problem> {
    let id = command_id::fresh();
    let ask = Ask { subject: subject::BROADCAST_LIST, id, actor: &caller.actor, context, command: &query };
    page(&uri, &edge.ask(ask).await?)
}
