//! `GET /health`: how the system is, for people and for monitoring.

use std::time::Duration;

use avanzacast_kit::bus::Request;
use avanzacast_schemas::{Actor, ActorKind, CheckStatus, WorkerHealth, bus::subject, command_id};
use axum::{
    Extension, Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use schemars::{JsonSchema, SchemaGenerator};
use serde::Serialize;

use crate::{
    Edge,
    context::Context,
    operation::{Access, Method, OPERATIONS, Operation, Success},
};

pub(crate) static OPERATION: Operation = Operation {
    id: "health",
    method: Method::Get,
    path: "/health",
    group: OPERATIONS,
    summary: "How the system is",
    about: "`ok`, or `degraded` while LiveKit is away; 503 in the same shape while bus or database is.",
    access: Access::Health,
    parameters: &[],
    body: None,
    answers: &[
        Success::json(200, "It works", SchemaGenerator::subschema_for::<Health>),
        Success::json(503, "Bus or database is away", SchemaGenerator::subschema_for::<Health>),
    ],
    refusals: &[],
};

/// A worker answers from memory; one that takes longer is as good as away.
const PATIENCE: Duration = Duration::from_secs(1);

#[derive(Serialize, JsonSchema)]
struct Health {
    status: &'static str,
    version: &'static str,
    checks: Checks,
}

#[derive(Serialize, JsonSchema)]
struct Checks {
    nats: CheckStatus,
    database: CheckStatus,
    livekit: CheckStatus,
}

pub(crate) async fn handle(State(edge): State<Edge>, Extension(context): Extension<Context>) -> Response {
    let connected = edge.caller.bus().is_connected();
    let nats = if connected { CheckStatus::Ok } else { CheckStatus::Down };
    let worker = if connected { ask(&edge, context).await } else { None };
    let WorkerHealth { database, livekit } =
        worker.unwrap_or(WorkerHealth { database: CheckStatus::Unknown, livekit: CheckStatus::Unknown });
    let works = nats == CheckStatus::Ok && database == CheckStatus::Ok;
    let status = if works && livekit == CheckStatus::Ok { "ok" } else { "degraded" };
    let code = if works { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let checks = Checks { nats, database, livekit };
    (code, Json(Health { status, version: env!("CARGO_PKG_VERSION"), checks })).into_response()
}

async fn ask(edge: &Edge, context: Context) -> Option<WorkerHealth> {
    let request = Request {
        subject: subject::SESSION_HEALTH,
        command_id: command_id::fresh(),
        actor: &Actor::of(ActorKind::Anonymous),
        trace: context.trace,
        body: bytes::Bytes::from_static(b"{}"),
        patience: PATIENCE,
    };
    let reply = edge.caller.call(&request).await.ok()?;
    serde_json::from_slice(&reply.body).ok()
}
