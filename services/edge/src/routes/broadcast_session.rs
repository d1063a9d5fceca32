//! `POST /api/broadcasts/:id/session`: a session in a broadcast's room.

use avanzacast_kit::config::{Door, Scope};
use avanzacast_schemas::{Code, NewBroadcastSession, SessionCreated, bus::subject};
use axum::{
    Extension,
    extract::{Path, State},
    http::HeaderMap,
    response::Response,
};
use schemars::SchemaGenerator;
use uuid::Uuid;

use crate::{
    Edge,
    access::Caller,
    ask::{Ask, created},
    body::Json,
    context::Context,
    operation::{Access, IDEMPOTENCY_KEY, Method, Operation, Parameter, Success},
    problem::Problem,
};

pub(crate) static OPERATION: Operation = Operation {
    id: "createBroadcastSession",
    method: Method::Post,
    path: "/api/broadcasts/{id}/session",
    group: "Broadcasts",
    summary: "Make a session in a broadcast's room",
    about: "As `POST /api/session`; the room is `broadcast-<id>`, and the session ends with the broadcast.",
    access: Access::Open(Door::BroadcastSession, Scope::Mint),
    parameters: &[
        Parameter::path("id", "The broadcast", SchemaGenerator::subschema_for::<Uuid>),
        IDEMPOTENCY_KEY,
    ],
    body: Some(SchemaGenerator::subschema_for::<NewBroadcastSession>),
    answers: &[Success::json(201, "The session", SchemaGenerator::subschema_for::<SessionCreated>).with(&["Location"])],
    refusals: &[
        Code::TtlOutOfRange,
        Code::CredentialRequired,
        Code::BroadcastNotFound,
        Code::BroadcastOver,
        Code::IdempotencyKeyReused,
    ],
};

pub(crate) async fn handle(
    State(edge): State<Edge>,
    Extension(context): Extension<Context>,
    Extension(caller): Extension<Caller>,
    Path(broadcast): Path<String>,
    headers: HeaderMap,
    Json(new): Json<NewBroadcastSession>,
) -> Result<Response, Problem> {
    // What is no id of a broadcast names none.
    let broadcast = Uuid::try_parse(&broadcast).map_err(|_| Code::BroadcastNotFound)?;
    let (id, command) = (caller.command_id(&headers)?, new.of(broadcast));
    let ask = Ask { subject: subject::SESSION_CREATE, id, actor: &caller.actor, context, command: &command };
    created(edge.ask(ask).await?)
}
