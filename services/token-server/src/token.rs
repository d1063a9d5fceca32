//! `POST /token`: signs a token, and registers it before anybody gets it.

use std::sync::Arc;

use avanzacast_kit::{telemetry::TraceContext, time};
use avanzacast_livekit::{Bearer, Stamp};
use avanzacast_schemas::{Code, Identity, Refusal, RegisterToken, Role, RoomName, SessionId, Ttl, Username};
use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::Response,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    body::Body,
    http::{Server, answer},
    problem::Problem,
};

const TTL_DEFAULT_S: u32 = 300;
/// What the backend grants at most, unless it is configured otherwise.
const TTL_MAX_S: u32 = 86_400;

/// What a caller asks for.
#[derive(Deserialize)]
pub(crate) struct Wanted {
    room: RoomName,
    /// Who it is to LiveKit: whoever joins a room with the same identity takes the other's place.
    identity: Identity,
    /// What is shown; the identity, if unset.
    name: Option<Username>,
    /// How long token and session live, in seconds.
    ttl: Option<Ttl>,
}

/// What a caller gets: the fields of the backend's own answer, and the token.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Minted<'a> {
    session_id: &'a SessionId,
    token: &'a str,
    studio_url: String,
    redirect_url: String,
    ttl_seconds: u32,
    /// RFC 3339.
    expires_at: String,
}

pub(crate) async fn handle(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    Body(wanted): Body<Wanted>,
) -> Result<Response, Problem> {
    let ttl = wanted.ttl.map_or(TTL_DEFAULT_S, Ttl::seconds);
    if ttl > TTL_MAX_S {
        return Err(Refusal::new(Code::TtlOutOfRange, format!("ttl must be from 1 to {TTL_MAX_S} seconds")).into());
    }
    if wanted.identity.as_str().starts_with("p_") {
        return Err(Refusal::new(Code::Malformed, "identity must not begin with p_: such are the backend's own").into());
    }
    let now = time::now_ms();
    let stamp = Stamp::new(Uuid::new_v4(), now, now + i64::from(ttl) * 1000);
    let registration = sign(&server, wanted, ttl, &stamp)?;
    server.outsider.register(&registration, trace(&headers)).await.map_err(Code::from)?;
    let id = &registration.session_id;
    let minted = Minted {
        session_id: id,
        token: &registration.token,
        studio_url: server.links.studio(id),
        redirect_url: server.links.panel(id),
        ttl_seconds: ttl,
        expires_at: time::rfc3339(stamp.exp * 1000),
    };
    Ok(answer(StatusCode::CREATED, minted))
}

fn sign(server: &Server, wanted: Wanted, ttl: u32, stamp: &Stamp) -> Result<RegisterToken, Refusal> {
    let bearer = Bearer {
        identity: wanted.identity.as_str(),
        name: wanted.name.as_ref().map_or("", Username::as_str),
        room: wanted.room.as_str(),
        role: Role::Guest,
    };
    Ok(RegisterToken {
        token: server.minter.mint(bearer, stamp)?,
        session_id: Uuid::new_v4().into(),
        room: Some(wanted.room),
        username: wanted.name,
        ttl: Ttl::try_from(ttl).ok(),
        created_by: None,
        single_use: false,
    })
}

/// The caller's trace, so that it goes on in the backend.
pub(crate) fn trace(headers: &HeaderMap) -> TraceContext {
    TraceContext::continue_from(headers.get("traceparent").and_then(|value| value.to_str().ok()))
}
