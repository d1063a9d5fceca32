//! `GET /api/connection-details`: what LiveKit Meet asks of its own backend.

use avanzacast_kit::config::Scope;
use avanzacast_schemas::{
    Code, ConnectionDetails, ConnectionDetailsQuery, CreateSession, Role, RoomName, Username, command_id,
};
use axum::{Extension, extract::State, response::Response};
use schemars::SchemaGenerator;

use crate::{
    Edge,
    access::Caller,
    ask::json,
    context::Context,
    mint::Minted,
    operation::{Access, Method, Operation, Parameter, Success},
    problem::Problem,
    query::Query,
};

pub(crate) static OPERATION: Operation = Operation {
    id: "connectionDetails",
    method: Method::GetOnly,
    path: "/api/connection-details",
    group: "LiveKit",
    summary: "LiveKit Meet's own endpoint",
    about: "Served with `MEET_COMPAT=1` only. Each call makes a session of its own.",
    access: Access::Secret(Scope::Mint),
    parameters: &[
        Parameter::query("roomName", true, "The room", SchemaGenerator::subschema_for::<RoomName>),
        Parameter::query("participantName", true, "What is shown", SchemaGenerator::subschema_for::<Username>),
    ],
    body: None,
    answers: &[Success::json(200, "Where to connect", SchemaGenerator::subschema_for::<ConnectionDetails>)],
    refusals: &[Code::NotFound, Code::BroadcastOver],
};

pub(crate) async fn handle(
    State(edge): State<Edge>,
    Extension(context): Extension<Context>,
    Extension(caller): Extension<Caller>,
    query: Result<Query<ConnectionDetailsQuery>, Problem>,
) -> Result<Response, Problem> {
    if !edge.meet {
        return Err(Code::NotFound.into());
    }
    let Query(ConnectionDetailsQuery { room_name: room, participant_name: username }) = query?;
    let command =
        CreateSession { room, username, ttl: None, role: Role::Guest, single_use: false, broadcast_id: None };
    let Minted { view, .. } = edge.mint(command_id::fresh(), &command, &caller, context).await?;
    let (Some(server_url), Some(participant_token)) = (view.url, view.token) else {
        return Err(Code::Internal.into());
    };
    let (room_name, participant_name) = (view.room, view.username);
    json(200, &ConnectionDetails { server_url, room_name, participant_token, participant_name })
}
