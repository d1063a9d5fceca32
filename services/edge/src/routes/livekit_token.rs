//! `POST /api/livekit/token`: the endpoint that LiveKit's clients fetch tokens from (their `TokenSource`).

use avanzacast_kit::config::Scope;
use avanzacast_schemas::{
    Code, CreateSession, Role, RoomName, TokenSourceAnswer, TokenSourceRequest, Username, command_id,
};
use axum::{Extension, extract::State, response::Response};
use schemars::SchemaGenerator;
use uuid::Uuid;

use crate::{
    Edge,
    access::Caller,
    ask::json,
    body::Json,
    context::Context,
    mint::Minted,
    operation::{Access, Method, Operation, Success},
    problem::Problem,
};

pub(crate) static OPERATION: Operation = Operation {
    id: "livekitToken",
    method: Method::Post,
    path: "/api/livekit/token",
    group: "LiveKit",
    summary: "LiveKit's standard token endpoint",
    about: "For `TokenSource.endpoint` of LiveKit's clients. Each call makes a session of its own. The identity, \
            metadata, attributes and the room's configuration are the server's to choose: a request that sets them is \
            refused.",
    access: Access::Secret(Scope::Mint),
    parameters: &[],
    body: Some(SchemaGenerator::subschema_for::<TokenSourceRequest>),
    answers: &[Success::json(201, "Where to connect", SchemaGenerator::subschema_for::<TokenSourceAnswer>)],
    refusals: &[Code::BroadcastOver],
};

pub(crate) async fn handle(
    State(edge): State<Edge>,
    Extension(context): Extension<Context>,
    Extension(caller): Extension<Caller>,
    Json(request): Json<TokenSourceRequest>,
) -> Result<Response, Problem> {
    request.check()?;
    let room = match request.room_name {
        Some(room) => room,
        None => RoomName::try_from(format!("room-{}", Uuid::new_v4())).map_err(|_| Code::Internal)?,
    };
    let username = request.participant_name.unwrap_or_else(|| Username::or_guest(String::new()));
    let command =
        CreateSession { room, username, ttl: None, role: Role::Guest, single_use: false, broadcast_id: None };
    let Minted { view, .. } = edge.mint(command_id::fresh(), &command, &caller, context).await?;
    let (Some(server_url), Some(participant_token)) = (view.url, view.token) else {
        return Err(Code::Internal.into());
    };
    json(201, &TokenSourceAnswer { server_url, participant_token })
}
