//! `POST /api/tokens`: keeps a token that another server minted.

use avanzacast_kit::config::Scope;
use avanzacast_schemas::{Code, RegisterToken, SessionCreated, bus::subject};
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
    id: "registerToken",
    method: Method::Post,
    path: "/api/tokens",
    group: "Tokens",
    summary: "Keep a token that another server minted",
    about: "It must be signed with HS256 by a configured key, end in the future, and let into a room; room and username, \
            where given, must be the token's own. The session lives no longer than the token.",
    access: Access::Secret(Scope::Register),
    parameters: &[IDEMPOTENCY_KEY],
    body: Some(SchemaGenerator::subschema_for::<RegisterToken>),
    answers: &[
        Success::json(201, "The session", SchemaGenerator::subschema_for::<SessionCreated>).with(&["Location"]),
        Success::json(200, "It was registered before", SchemaGenerator::subschema_for::<SessionCreated>)
            .with(&["Location"]),
    ],
    refusals: &[Code::TokenInvalid, Code::TtlOutOfRange, Code::SessionExists, Code::IdempotencyKeyReused],
};

pub(crate) async fn handle(
    State(edge): State<Edge>,
    Extension(context): Extension<Context>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    Json(command): Json<RegisterToken>,
) -> Result<Response, Problem> {
    let id = caller.command_id(&headers)?;
    let ask = Ask { subject: subject::SESSION_REGISTER, id, actor: &caller.actor, context, command: &command };
    created(edge.ask(ask).await?)
}
