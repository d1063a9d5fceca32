//! `POST /api/broadcasts/:id/start`: a broadcast goes live, once.

use avanzacast_schemas::{Actor, ActorKind, StartBroadcast, bus::subject};
use axum::{
    Extension,
    extract::{Path, State},
    http::HeaderMap,
    response::Response,
};

use crate::{
    Edge,
    ask::{Ask, answer, broadcast_id},
    context::Context,
    idempotency::command_id,
    problem::Problem,
};

pub(crate) async fn handle(
    State(edge): State<Edge>,
    Extension(context): Extension<Context>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let command = StartBroadcast { id: broadcast_id(&id)? };
    let actor = Actor::of(ActorKind::Anonymous);
    let id = command_id(&headers, "anonymous")?;
    let ask = Ask { subject: subject::BROADCAST_START, id, actor: &actor, context, command: &command };
    let reply = edge.ask(ask).await?;
    Ok(answer(reply.status, reply.body))
}
