//! `DELETE /api/dead/:seq`: takes a dead letter away for good.

use avanzacast_kit::config::Scope;
use avanzacast_schemas::{Code, DropDead, bus::subject, command_id};
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
    id: "dropDead",
    method: Method::Delete,
    path: "/api/dead/{seq}",
    group: "Dead letters",
    summary: "Drop a dead letter",
    about: "It cannot be brought back.",
    access: Access::Secret(Scope::Manage),
    parameters: &[Parameter::path("seq", "Its number", SchemaGenerator::subschema_for::<u64>)],
    body: None,
    answers: &[Success::empty(204, "It is gone")],
    refusals: &[Code::DeadNotFound],
};

pub(crate) async fn handle(
    State(edge): State<Edge>,
    Extension(context): Extension<Context>,
    Extension(caller): Extension<Caller>,
    Path(seq): Path<String>,
) -> Result<Response, Problem> {
    let (id, command) = (command_id::fresh(), DropDead { seq: dead_seq(&seq)? });
    let ask = Ask { subject: subject::DEAD_DROP, id, actor: &caller.actor, context, command: &command };
    let reply = edge.ask(ask).await?;
    Ok(answer(reply.status, reply.body))
}
