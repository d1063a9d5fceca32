//! `GET /api/broadcasts/:id`: a broadcast.

use avanzacast_kit::config::{Door, Scope};
use avanzacast_schemas::{Broadcast, Code, GetBroadcast, bus::subject, command_id};
use axum::{
    Extension,
    extract::{Path, State},
    response::Response,
};
use schemars::SchemaGenerator;
use uuid::Uuid;

use crate::{
    Edge,
    access::Caller,
    ask::{Ask, answer, broadcast_id},
    context::Context,
    operation::{Access, Method, Operation, Parameter, Success},
    problem::Problem,
};

pub(crate) static OPERATION: Operation = Operation {
    id: "getBroadcast",
    method: Method::Get,
    path: "/api/broadcasts/{id}",
    group: "Broadcasts",
    summary: "A broadcast",
    about: "",
    access: Access::Open(Door::Broadcasts, Scope::Manage),
    parameters: &[Parameter::path("id", "The broadcast", SchemaGenerator::subschema_for::<Uuid>)],
    body: None,
    answers: &[Success::json(200, "The broadcast", SchemaGenerator::subschema_for::<Broadcast>)],
    refusals: &[Code::BroadcastNotFound],
};

pub(crate) async fn handle(
    State(edge): State<Edge>,
    Extension(context): Extension<Context>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let (id, query) = (command_id::fresh(), GetBroadcast { id: broadcast_id(&id)? });
    let ask = Ask { subject: subject::BROADCAST_GET, id, actor: &caller.actor, context, command: &query };
    let reply = edge.ask(ask).await?;
    Ok(answer(reply.status, reply.body))
}
