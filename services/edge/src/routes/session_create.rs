//! `POST /api/session`: a session for a participant in a room.

use avanzacast_kit::config::{Door, Scope};
use avanzacast_schemas::{Code, CreateSession, NewSession, SessionCreated, bus::subject};
use axum::{Extension, extract::State, http::HeaderMap, response::Response};
use schemars::SchemaGenerator;

use crate::{
    Edge,
    access::Caller,
    ask::{Ask, created},
    body::Json,
    context::Context,
    operation::{Access, IDEMPOTENCY_KEY, Method, Operation, Success},
    problem::Problem,
};

pub(crate) static OPERATION: Operation = Operation {
    id: "createSession",
    method: Method::Post,
    path: "/api/session",
    group: "Sessions",
    summary: "Make a session for a participant in a room",
    about: "With `singleUse`, `ttl` is the link's life, and no token exists before the one consume that wins. Rooms that \
            begin with `broadcast-` and the roles `cohost` and `host` need a credential. Room names stand in the \
            ledger in the clear, for good.",
    access: Access::Open(Door::Session, Scope::Mint),
    parameters: &[IDEMPOTENCY_KEY],
    body: Some(SchemaGenerator::subschema_for::<NewSession>),
    answers: &[Success::json(201, "The session", SchemaGenerator::subschema_for::<SessionCreated>).with(&["Location"])],
    refusals: &[
        Code::TtlOutOfRange,
        Code::CredentialRequired,
        Code::RoomReserved,
        Code::BroadcastOver,
        Code::IdempotencyKeyReused,
    ],
};

pub(crate) async fn handle(
    State(edge): State<Edge>,
    Extension(context): Extension<Context>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    Json(new): Json<NewSession>,
) -> Result<Response, Problem> {
    let (id, command) = (caller.command_id(&headers)?, CreateSession::from(new));
    let ask = Ask { subject: subject::SESSION_CREATE, id, actor: &caller.actor, context, command: &command };
    created(edge.ask(ask).await?)
}
