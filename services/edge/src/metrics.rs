//! `GET /metrics`: what this process has measured. Not among the operations: in production it is not here.

use avanzacast_kit::metrics::CONTENT_TYPE;
use axum::{extract::State, http::header, response::IntoResponse};

use crate::{Edge, problem};

pub(crate) async fn handle(State(edge): State<Edge>) -> Result<impl IntoResponse, problem::Problem> {
    let Some(exposition) = &edge.metrics else { return Err(problem::not_found().await) };
    Ok(([(header::CONTENT_TYPE, CONTENT_TYPE)], exposition.render()))
}
