//! `POST /registration`: what became of a token that was registered.

use std::sync::Arc;

use avanzacast_schemas::GetRegistration;
use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::Response,
};

use crate::{
    body::Body,
    http::{Server, answer},
    problem::Problem,
    token::trace,
};

pub(crate) async fn handle(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    Body(question): Body<GetRegistration>,
) -> Result<Response, Problem> {
    let fate = server.outsider.fate(&question, trace(&headers)).await?;
    Ok(answer(StatusCode::OK, fate))
}
