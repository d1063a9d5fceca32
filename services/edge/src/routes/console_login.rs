//! `POST /api/console/login`: a cookie for the secret.

use avanzacast_kit::Secret;
use axum::{extract::State, http::header, response::Response};
use schemars::{JsonSchema, SchemaGenerator};
use serde::Deserialize;

use super::console_access::ConsoleAccess;
use crate::{
    Edge,
    ask::json,
    body::Json,
    credential,
    operation::{Access, Method, Operation, PAGES, Success},
    problem::Problem,
};

pub(crate) static OPERATION: Operation = Operation {
    id: "consoleLogin",
    method: Method::Post,
    path: "/api/console/login",
    group: PAGES,
    summary: "A cookie for the secret",
    about: "For our own pages: `HttpOnly`, `SameSite=Strict`, good for 12 hours, and as long as the secret is configured. What \
            changes something needs an `Origin` of our own with it. Whoever is wrong too often is 429 for a while.",
    access: Access::Login,
    parameters: &[],
    body: Some(SchemaGenerator::subschema_for::<Login>),
    answers: &[Success::json(200, "What it allows", SchemaGenerator::subschema_for::<ConsoleAccess>).with(&["Set-Cookie"])],
    refusals: &[],
};

/// A secret, as `X-BACKEND-SECRET` would show it.
#[derive(Deserialize, JsonSchema)]
pub(super) struct Login {
    secret: String,
}

pub(crate) async fn handle(State(edge): State<Edge>, Json(Login { secret }): Json<Login>) -> Result<Response, Problem> {
    if edge.gate.is_unlocked() {
        return json(200, &edge.console_access(None));
    }
    let key = edge.gate.key(&Secret::new(secret)).ok_or_else(credential::invalid)?;
    let mut response = json(200, &edge.console_access(Some(key)))?;
    if let Some(cookie) = key.pass().and_then(|pass| pass.set(edge.https)) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    Ok(response)
}
