//! `GET /api/console`: what whoever is at a page of ours may do.

use avanzacast_kit::config::Scope;
use axum::{extract::State, http::HeaderMap, response::Response};
use schemars::{JsonSchema, SchemaGenerator};
use serde::Serialize;

use crate::{
    Edge, Reach,
    ask::json,
    credential::Key,
    operation::{Access, Method, Operation, PAGES, Success},
    problem::Problem,
};

pub(crate) static OPERATION: Operation = Operation {
    id: "consoleAccess",
    method: Method::Get,
    path: "/api/console",
    group: PAGES,
    summary: "What this browser may do",
    about: "By the cookie that `POST /api/console/login` gave.",
    access: Access::Public,
    parameters: &[],
    body: None,
    answers: &[Success::json(200, "What it may do", SchemaGenerator::subschema_for::<ConsoleAccess>)],
    refusals: &[],
};

/// What whoever is at a page of ours may do.
#[derive(Serialize, JsonSchema)]
pub(super) struct ConsoleAccess {
    /// Development without a secret: everybody may do everything.
    unlocked: bool,
    /// The key that the secret was; unset without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// The scopes that are there: `mint`, `register`, `manage`, `audit`.
    scopes: Vec<&'static str>,
    /// The program's.
    version: &'static str,
}

impl Reach {
    /// Of whoever holds this key, or none.
    pub(super) fn console_access(&self, key: Option<&Key>) -> ConsoleAccess {
        let unlocked = self.gate.is_unlocked();
        let scopes = match key {
            _ if unlocked => Scope::ALL.to_vec(),
            Some(key) => key.scopes.clone(),
            None => Vec::new(),
        };
        ConsoleAccess {
            unlocked,
            name: key.map(|key| key.name.clone()),
            scopes: scopes.into_iter().map(Scope::word).collect(),
            version: env!("CARGO_PKG_VERSION"),
        }
    }
}

pub(crate) async fn handle(State(edge): State<Edge>, headers: HeaderMap) -> Result<Response, Problem> {
    json(200, &edge.console_access(edge.gate.console(&headers)))
}
