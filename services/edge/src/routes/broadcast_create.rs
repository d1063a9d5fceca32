//! `POST /api/broadcasts`: a broadcast, which nobody has started.

use avanzacast_schemas::{Actor, ActorKind, CreateBroadcast, bus::subject};
use axum::{Extension, extract::State, http::HeaderMap, response::Response};
use uuid::Uuid;

use crate::{
    Edge,
    ask::{Ask, created},
    body::Json,
    context::Context,
    idempotency::command_id,
    problem::Problem,
};

pub(crate) async fn handle(
    State(edge): State<Edge>,
    Extension(context): Extension<Context>,
    headers: HeaderMap,
    Json(command): Json<CreateBroadcast>,
) -> Result<Response, Problem> {
    let actor = Actor::of(ActorKind::Anonymous);
    let id = command_id(&headers, "anonymous")?;
    let ask = Ask { subject: subject::BROADCAST_CREATE, id, actor: &actor, context, command: &command };
    created::<Uuid>(edge.ask(ask).await?, "/api/broadcasts")
}
