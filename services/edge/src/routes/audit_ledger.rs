//! `GET /api/audit/ledger`: where the ledger stands.

use avanzacast_kit::config::Scope;
use avanzacast_schemas::{GetLedger, LedgerState, bus::subject};
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
    id: "getLedger",
    method: Method::Get,
    path: "/api/audit/ledger",
    group: "Audit",
    summary: "Where the ledger stands",
    about: "Its size and root as they are now, how far the index and the counts go, and what was signed last. Nothing \
            here is signed: `/checkpoint` is.",
    access: Access::Secret(Scope::Audit),
    parameters: &[],
    body: None,
    answers: &[Success::json(200, "Its state", SchemaGenerator::subschema_for::<LedgerState>)],
    refusals: &[],
};

pub(crate) async fn handle(
    State(edge): State<Edge>,
    Extension(context): Extension<Context>,
    Extension(caller): Extension<Caller>,
) -> Result<Response, Problem> {
    let asker = Asker { actor: caller.actor, context };
    edge.ask_the_record(&asker, subject::AUDIT_LEDGER, &GetLedger {}).await.map(|state| answer(200, state))
}
