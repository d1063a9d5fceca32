//! What is served, and what surrounds every request.

use std::sync::Arc;

use avanzacast_kit::{Secret, bus::Outsider, config::Links};
use avanzacast_livekit::Minter;
use avanzacast_schemas::Code;
use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    middleware,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::Serialize;

use crate::{access, access::Credential, problem, problem::Problem, registration, token};

/// What handlers can reach.
pub(crate) struct Server {
    pub(crate) outsider: Outsider,
    pub(crate) minter: Minter,
    pub(crate) links: Links,
    pub(crate) credential: Option<Credential>,
}

impl Server {
    pub(crate) fn new(outsider: Outsider, minter: Minter, links: Links, secret: Option<&Secret>) -> Self {
        if secret.is_none() {
            tracing::warn!("development mode without TOKEN_SERVER_SECRET: anybody on this machine may mint");
        }
        Self { outsider, minter, links, credential: secret.map(Credential::new) }
    }
}

pub(crate) fn router(server: Arc<Server>) -> Router {
    Router::new()
        .route("/token", post(token::handle))
        .route("/registration", post(registration::handle))
        .route_layer(middleware::from_fn_with_state(Arc::clone(&server), access::check))
        .route("/livez", get(async || "ok"))
        .route("/readyz", get(ready))
        .fallback(async || Problem::from(Code::NotFound))
        .method_not_allowed_fallback(async || Problem::from(Code::MethodNotAllowed))
        .layer(middleware::from_fn(problem::render))
        .with_state(server)
}

/// Whether to send requests here: it listens, and the bus answers.
async fn ready(State(server): State<Arc<Server>>) -> Result<&'static str, Problem> {
    if server.outsider.is_connected() { Ok("ok") } else { Err(Code::BusUnavailable.into()) }
}

/// An answer that no cache may keep: it is about a token.
pub(crate) fn answer(status: StatusCode, body: impl Serialize) -> Response {
    (status, [(header::CACHE_CONTROL, "no-store")], axum::Json(body)).into_response()
}
