//! `POST /api/broadcasts`: a broadcast, which nobody has started.

use avanzacast_kit::config::{Door, Scope};
use avanzacast_schemas::{Broadcast, Code, CreateBroadcast, bus::subject};
use axum::{Extension, extract::State, http::HeaderMap, response::Response};
use schemars::SchemaGenerator;
use uuid::Uuid;

use crate::{
    Edge,
    access::Caller,
    ask::{Ask, made},
    body::Json,
    context::Context,
    operation::{Access, IDEMPOTENCY_KEY, Method, Operation, Success},
    problem::Problem,
};

pub(crate) static OPERATION: Operation = Operation {
    id: "createBroadcast",
    method: Method::Post,
    path: "/api/broadcasts",
    group: "Broadcasts",
    summary: "Make a broadcast",
    about: "Its room in LiveKit is `broadcast-<id>`, which only its own sessions enter.",
    access: Access::Open(Door::Broadcasts, Scope::Manage),
    parameters: &[IDEMPOTENCY_KEY],
    body: Some(SchemaGenerator::subschema_for::<CreateBroadcast>),
    answers: &[Success::json(201, "The broadcast", SchemaGenerator::subschema_for::<Broadcast>).with(&["Location"])],
    refusals: &[Code::OwnerUnknown, Code::IdempotencyKeyReused],
};

pub(crate) async fn handle(
    State(edge): State<Edge>,
    Extension(context): Extension<Context>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    Json(command): Json<CreateBroadcast>,
) -> Result<Response, Problem> {
    let id = caller.command_id(&headers)?;
    let ask = Ask { subject: subject::BROADCAST_CREATE, id, actor: &caller.actor, context, command: &command };
    made::<Uuid>(edge.ask(ask).await?, OPERATION.path)
}
