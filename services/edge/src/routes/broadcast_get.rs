//! `GET /api/broadcasts/:id`: a broadcast.

use avanzacast_schemas::{Actor, ActorKind, GetBroadcast, bus::subject, command_id};
use axum::{
    Extension,
    extract::{Path, State},
    response::Response,
};

use crate::{
    Edge,
    ask::{Ask, answer, broadcast_id},
    context::Context,
    problem::Problem,
};

pub(crate) async fn handle(
    State(edge): State<Edge>,
    Extension(context): Extension<Context>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let query = GetBroadcast { id: broadcast_id(&id)? };
    let (id, actor) = (command_id::fresh(), Actor::of(ActorKind::Anonymous));
    let reply = edge.ask(Ask { subject: subject::BROADCAST_GET, id, actor: &actor, context, command: &query }).await?;
    Ok(answer(reply.status, reply.body))
}
