//! `GET /api/session/:id`: what a session lets into, and its token. Never consumes.

use avanzacast_kit::time;
use avanzacast_schemas::{Actor, ActorKind, CachedSession, GetSession, bus::subject, command_id};
use axum::{
    Extension,
    extract::{Path, State},
    response::Response,
};
use bytes::Bytes;
use serde_json::value::RawValue;

use crate::{
    Edge,
    ask::{Ask, answer, session_id},
    context::Context,
    problem::Problem,
};

pub(crate) async fn handle(
    State(edge): State<Edge>,
    Extension(context): Extension<Context>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let id = session_id(id)?;
    if let Some(entry) = edge.cache.read(&id).await
        && let Ok(session) = serde_json::from_slice::<CachedSession<&RawValue>>(&entry)
    {
        let found = session.read(time::now_ms()).map_err(Problem::from)?;
        return Ok(answer(200, Bytes::copy_from_slice(found.get().as_bytes())));
    }
    let actor = Actor::of(ActorKind::Holder);
    let query = GetSession { id };
    let id = command_id::fresh();
    let reply = edge.ask(Ask { subject: subject::SESSION_GET, id, actor: &actor, context, command: &query }).await?;
    Ok(answer(reply.status, reply.body))
}
