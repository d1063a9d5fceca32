//! `GET /api/workers`: which workers are there.

use std::time::Duration;

use avanzacast_kit::{bus::Present, config::Scope};
use axum::{extract::State, response::Response};
use schemars::{JsonSchema, SchemaGenerator};
use serde::Serialize;

use crate::{
    Edge,
    ask::json,
    operation::{Access, Method, Operation, Success},
    problem::Problem,
};

pub(crate) static OPERATION: Operation = Operation {
    id: "listWorkers",
    method: Method::Get,
    path: "/api/workers",
    group: "Operations",
    summary: "Which workers are there",
    about: "Whatever answers on the bus within 300 ms: each kind once, however many there are of it.",
    access: Access::Secret(Scope::Manage),
    parameters: &[],
    body: None,
    answers: &[Success::json(200, "Those that answered", SchemaGenerator::subschema_for::<Vec<Worker>>)],
    refusals: &[],
};

/// They answer from memory.
const PATIENCE: Duration = Duration::from_millis(300);

/// A worker that answered.
#[derive(Serialize, JsonSchema)]
struct Worker {
    /// What it works on: `session`, `studio`, `room` or `audit`.
    name: String,
    /// Of the program.
    version: String,
}

pub(crate) async fn handle(State(edge): State<Edge>) -> Result<Response, Problem> {
    let present = edge.caller.bus().roll_call(PATIENCE).await;
    let worker = |Present { name, version }| Worker { name, version };
    json(200, &present.into_iter().map(worker).collect::<Vec<_>>())
}
