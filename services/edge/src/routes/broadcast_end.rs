//! `POST /api/broadcasts/:id/end`: a broadcast that is live is over, for good.

use avanzacast_kit::config::Scope;
use avanzacast_schemas::{Broadcast, Code, EndBroadcast, bus::subject};
use axum::{
    Extension,
    extract::{Path, State},
    http::HeaderMap,
    response::Response,
};
use schemars::SchemaGenerator;
use uuid::Uuid;

use crate::{
    Edge,
    access::Caller,
    ask::{Ask, answer, broadcast_id},
    context::Context,
    operation::{Access, IDEMPOTENCY_KEY, Method, Operation, Parameter, Success},
    problem::Problem,
};

pub(crate) static OPERATION: Operation = Operation {
    id: "endBroadcast",
    method: Method::Post,
    path: "/api/broadcasts/{id}/end",
    group: "Broadcasts",
    summary: "End a broadcast",
    about: "Only one that is `live` can be ended, for good. Its sessions end with it.",
    access: Access::Secret(Scope::Manage),
    parameters: &[
        Parameter::path("id", "The broadcast", SchemaGenerator::subschema_for::<Uuid>),
        IDEMPOTENCY_KEY,
    ],
    body: None,
    answers: &[Success::json(200, "The broadcast", SchemaGenerator::subschema_for::<Broadcast>)],
    refusals: &[Code::BroadcastNotFound, Code::BroadcastState, Code::IdempotencyKeyReused],
};

pub(crate) async fn handle(
    State(edge): State<Edge>,
    Extension(context): Extension<Context>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (id, command) = (caller.command_id(&headers)?, EndBroadcast { id: broadcast_id(&id)? });
    let ask = Ask { subject: subject::BROADCAST_END, id, actor: &caller.actor, context, command: &command };
    let reply = edge.ask(ask).await?;
    Ok(answer(reply.status, reply.body))
}
