//! `POST /api/session/:id/consume`: redeems a session. Exactly one consumer wins, and may come back with its key.

use avanzacast_schemas::{Actor, ActorKind, ConsumeSession, ResumeKey, bus::subject, command_id};
use axum::{
    Extension,
    extract::{Path, State},
    http::HeaderMap,
    response::Response,
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use rand::RngExt;

use crate::{
    Edge,
    ask::{Ask, answer, session_id, single},
    context::Context,
    problem::Problem,
};

pub(crate) async fn handle(
    State(edge): State<Edge>,
    Extension(context): Extension<Context>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let key = match single(&headers, "x-session-resume")? {
        Some(key) => key.to_owned(),
        // A consumer that brings no key is given one, in the answer.
        None => BASE64_URL_SAFE_NO_PAD.encode(rand::rng().random::<[u8; 32]>()),
    };
    let resume_key = ResumeKey::try_from(key).map_err(|invalid| Problem::malformed(invalid.0))?;
    let command = ConsumeSession { id: session_id(id)?, resume_key };
    let actor = Actor::of(ActorKind::Holder);
    let id = command_id::fresh();
    let ask = Ask { subject: subject::SESSION_CONSUME, id, actor: &actor, context, command: &command };
    let reply = edge.ask(ask).await?;
    Ok(answer(reply.status, reply.body))
}
