//! `GET /api/audit/proof/:seq`: an event, and that it stands in the ledger.

use avanzacast_kit::config::Scope;
use avanzacast_schemas::{Code, EventProof, GetProof, bus::subject};
use axum::{
    Extension,
    extract::{Path, State},
    response::Response,
};
use schemars::{Schema, SchemaGenerator, json_schema};

use crate::{
    Edge,
    access::Caller,
    ask::answer,
    context::Context,
    operation::{Access, Method, Operation, Parameter, Success},
    problem::Problem,
    record::Asker,
};

pub(crate) static OPERATION: Operation = Operation {
    id: "proveEvent",
    method: Method::Get,
    path: "/api/audit/proof/{seq}",
    group: "Audit",
    summary: "An event, and that it stands in the ledger",
    about: "The event's bytes, and a proof with the last checkpoint in it (C2SP tlog-proof), which convinces offline. 404 \
            for an event that no checkpoint has yet.",
    access: Access::Secret(Scope::Audit),
    parameters: &[Parameter::path("seq", "The event's `ledgerseq`; the first is 1", place)],
    body: None,
    answers: &[Success::json(200, "The event and its proof", SchemaGenerator::subschema_for::<EventProof>)],
    refusals: &[Code::NotFound],
};

fn place(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "integer", "minimum": 1, "maximum": i64::MAX })
}

pub(crate) async fn handle(
    State(edge): State<Edge>,
    Extension(context): Extension<Context>,
    Extension(caller): Extension<Caller>,
    Path(text): Path<String>,
) -> Result<Response, Problem> {
    let asker = Asker { actor: caller.actor, context };
    // One event has one path; what is no place in a ledger holds none.
    let seq = text.parse().ok().filter(|seq: &u64| *seq > 0 && i64::try_from(*seq).is_ok() && seq.to_string() == text);
    let query = GetProof { seq: seq.ok_or(Code::NotFound)? };
    edge.ask_the_record(&asker, subject::AUDIT_PROOF, &query).await.map(|proof| answer(200, proof))
}
