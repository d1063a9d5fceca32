//! `POST /api/users`: a user.

use avanzacast_schemas::{Actor, ActorKind, CreateUser, bus::subject};
use axum::{Extension, extract::State, http::HeaderMap, response::Response};

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
    Json(command): Json<CreateUser>,
) -> Result<Response, Problem> {
    let actor = Actor::of(ActorKind::Anonymous);
    let id = command_id(&headers, "anonymous")?;
    let ask = Ask { subject: subject::USER_CREATE, id, actor: &actor, context, command: &command };
    created::<i64>(edge.ask(ask).await?, "/api/users")
}
