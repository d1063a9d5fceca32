//! `POST /api/session`: a session for a participant in a room.

use avanzacast_schemas::{Actor, ActorKind, Code, CreateSession, NewSession, bus::subject, command_id};
use axum::{
    Extension,
    extract::State,
    http::{HeaderMap, HeaderValue, header},
    response::Response,
};
use serde::Deserialize;

use crate::{
    Edge,
    ask::{Ask, answer, single},
    body::Json,
    context::Context,
    problem::Problem,
};

/// Whoever knows a key gets the same answer, so without a credential it must be hard to guess.
const KEY_BYTES: std::ops::RangeInclusive<usize> = 16..=255;

pub(crate) async fn handle(
    State(edge): State<Edge>,
    Extension(context): Extension<Context>,
    headers: HeaderMap,
    Json(new): Json<NewSession>,
) -> Result<Response, Problem> {
    let actor = Actor::of(ActorKind::Anonymous);
    let id = match single(&headers, "idempotency-key")? {
        None => command_id::fresh(),
        Some(key) if KEY_BYTES.contains(&key.len()) => command_id::keyed(&["anonymous", key]),
        Some(_) => return Err(Problem::malformed("Idempotency-Key must be 16 to 255 characters")),
    };
    let command = CreateSession::from(new);
    let ask = Ask { subject: subject::SESSION_CREATE, id, actor: &actor, context, command: &command };
    let reply = edge.ask(ask).await?;
    let location = location(&reply.body)?;
    let mut response = answer(reply.status, reply.body);
    response.headers_mut().insert(header::LOCATION, location);
    Ok(response)
}

fn location(body: &[u8]) -> Result<HeaderValue, Problem> {
    #[derive(Deserialize)]
    struct Created<'a> {
        id: &'a str,
    }
    let created: Created<'_> = serde_json::from_slice(body).map_err(|_| Code::Internal)?;
    HeaderValue::from_str(&format!("/api/session/{}", created.id)).map_err(|_| Code::Internal.into())
}
