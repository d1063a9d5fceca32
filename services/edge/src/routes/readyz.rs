//! `GET /readyz`: whether to send requests here: listening, not stopping, the bus reached.

use avanzacast_schemas::Code;
use axum::extract::State;

use crate::{Edge, problem::Problem};

pub(crate) async fn handle(State(edge): State<Edge>) -> Result<&'static str, Problem> {
    if edge.life.stopping().is_cancelled() || !edge.caller.bus().is_connected() {
        return Err(Code::BusUnavailable.into());
    }
    Ok("ok")
}
