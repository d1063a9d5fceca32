//! `GET /api/audit/key`: what checkpoints are signed with.

use avanzacast_kit::config::{Door, Scope};
use avanzacast_schemas::{AuditKey, GetAuditKey, bus::subject};
use axum::{Extension, extract::State, response::Response};
use schemars::SchemaGenerator;

use crate::{
    Edge,
    access::Caller,
    ask::answer,
    context::Context,
    operation::{Access, Method, Operation, Success},
    problem::Problem,
    record::Asker,
};

pub(crate) static OPERATION: Operation = Operation {
    id: "getAuditKey",
    method: Method::Get,
    path: "/api/audit/key",
    group: "Audit",
    summary: "What checkpoints are signed with",
    about: "The public key (C2SP signed-note), and those before it. Whoever checks a checkpoint should have it from \
            somewhere else as well: this says only what this server claims.",
    access: Access::Open(Door::Audit, Scope::Audit),
    parameters: &[],
    body: None,
    answers: &[Success::json(200, "Public keys", SchemaGenerator::subschema_for::<AuditKey>)],
    refusals: &[],
};

pub(crate) async fn handle(
    State(edge): State<Edge>,
    Extension(context): Extension<Context>,
    Extension(caller): Extension<Caller>,
) -> Result<Response, Problem> {
    let asker = Asker { actor: caller.actor, context };
    edge.ask_the_record(&asker, subject::AUDIT_KEY, &GetAuditKey {}).await.map(|key| answer(200, key))
}
