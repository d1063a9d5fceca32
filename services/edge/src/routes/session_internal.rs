//! `POST /api/internal/session`: a session, and its token at once, for another server.

use avanzacast_kit::config::Scope;
use avanzacast_schemas::{Code, CreateSession, NewSession, SessionWithToken};
use axum::{Extension, extract::State, http::HeaderMap, response::Response};
use schemars::SchemaGenerator;

use crate::{
    Edge,
    access::Caller,
    ask::{at, json},
    body::Json,
    context::Context,
    mint::Minted,
    operation::{Access, IDEMPOTENCY_KEY, Method, Operation, Success},
    problem::Problem,
};

pub(crate) static OPERATION: Operation = Operation {
    id: "createSessionWithToken",
    method: Method::Post,
    path: "/api/internal/session",
    group: "Sessions",
    summary: "Make a session, and get its token at once",
    about: "As `POST /api/session`. A single-use link has no token yet, here neither.",
    access: Access::Secret(Scope::Mint),
    parameters: &[IDEMPOTENCY_KEY],
    body: Some(SchemaGenerator::subschema_for::<NewSession>),
    answers: &[
        Success::json(201, "The session and its token", SchemaGenerator::subschema_for::<SessionWithToken>)
            .with(&["Location"]),
    ],
    refusals: &[
        Code::TtlOutOfRange,
        Code::BroadcastOver,
        Code::IdempotencyKeyReused,
        Code::SessionConsumed,
        Code::SessionExpired,
        Code::SessionRevoked,
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
    let Minted { created, view } = edge.mint(id, &command, &caller, context).await?;
    let location = at(&created.id)?;
    json(201, &SessionWithToken { created, token: view.token, url: view.url }).map(|answer| location.on(answer))
}
