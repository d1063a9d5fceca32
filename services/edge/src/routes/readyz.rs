//! `GET /readyz`: whether to send requests here: listening, not stopping, the bus reached.

use avanzacast_schemas::Code;
use axum::extract::State;

use crate::{
    Edge,
    operation::{Access, Method, OPERATIONS, Operation, Success},
    problem::Problem,
};

pub(crate) static OPERATION: Operation = Operation {
    id: "ready",
    method: Method::Get,
    path: "/readyz",
    group: OPERATIONS,
    summary: "Whether to send requests here",
    about: "It listens, does not stop, and reaches the bus.",
    access: Access::Health,
    parameters: &[],
    body: None,
    answers: &[Success::text("Yes")],
    refusals: &[Code::BusUnavailable],
};

pub(crate) async fn handle(State(edge): State<Edge>) -> Result<&'static str, Problem> {
    if edge.life.stopping().is_cancelled() || !edge.caller.bus().is_connected() {
        return Err(Code::BusUnavailable.into());
    }
    Ok("ok")
}
