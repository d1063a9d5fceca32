//! `GET /api/dead`: messages that can never work, for whoever looks after the backend.

use avanzacast_kit::config::Scope;
use avanzacast_schemas::{DeadMessage, ListDead, bus::subject, command_id};
use axum::{Extension, extract::State, response::Response};
use schemars::SchemaGenerator;

use crate::{
    Edge,
    access::Caller,
    ask::{Ask, answer},
    context::Context,
    list::LIMIT,
    operation::{Access, Method, Operation, Success},
    problem::Problem,
    query::Query,
};

pub(crate) static OPERATION: Operation = Operation {
    id: "listDead",
    method: Method::Get,
    path: "/api/dead",
    group: "Dead letters",
    summary: "Messages that can never work, oldest first",
    about: "What came through a stream and can never be applied lies there for seven days, with the reason.",
    access: Access::Secret(Scope::Manage),
    parameters: &[LIMIT],
    body: None,
    answers: &[Success::json(200, "The oldest", SchemaGenerator::subschema_for::<Vec<DeadMessage>>)],
    refusals: &[],
};

pub(crate) async fn handle(
    State(edge): State<Edge>,
    Extension(context): Extension<Context>,
    Extension(caller): Extension<Caller>,
    Query(query): Query<ListDead>,
) -> Result<Response, Problem> {
    let id = command_id::fresh();
    let ask = Ask { subject: subject::DEAD_LIST, id, actor: &caller.actor, context, command: &query };
    let reply = edge.ask(ask).await?;
    Ok(answer(reply.status, reply.body))
}
