//! `POST /api/dead/:seq/redrive`: delivers a dead letter to its subject again.

use avanzacast_kit::config::Scope;
use avanzacast_schemas::{Code, RedriveDead, bus::subject, command_id};
use axum::{
    Extension,
    extract::{Path, State},
    response::Response,
};
use schemars::SchemaGenerator;

use crate::{
    Edge,
    access::Caller,
    ask::{Ask, answer, dead_seq},
    context::Context,
    operation::{Access, Method, Operation, Parameter, Success},
    problem::Problem,
};

pub(crate) static OPERATION: Operation = Operation {
    id: "redriveDead",
    method: Method::Post,
    path: "/api/dead/{seq}/redrive",
    group: "Dead letters",
    summary: "Deliver a dead letter again",
    about: "It leaves the dead letters once a stream has it. What somebody waited for has nobody waiting any more: 409.",
    access: Access::Secret(Scope::Manage),
    parameters: &[Parameter::path("seq", "Its number", SchemaGenerator::subschema_for::<u64>)],
    body: None,
    answers: &[Success::empty(204, "It waits to be delivered")],
    refusals: &[Code::DeadNotFound, Code::DeadStays],
};

pub(crate) async fn handle(
    State(edge): State<Edge>,
    Extension(context): Extension<Context>,
    Extension(caller): Extension<Caller>,
    Path(seq): Path<String>,
) -> Result<Response, Problem> {
    let (id, command) = (command_id::fresh(), RedriveDead { seq: dead_seq(&seq)? });
    let ask = Ask { subject: subject::DEAD_REDRIVE, id, actor: &caller.actor, context, command: &command };
    let reply = edge.ask(ask).await?;
    Ok(answer(reply.status, reply.body))
}
