//! `GET /checkpoint`: where the ledger stood when it was last signed.

use avanzacast_kit::config::{Door, Scope};
use avanzacast_schemas::{Code, GetCheckpoint, bus::subject};
use axum::{Extension, extract::State, response::Response};
use schemars::{Schema, SchemaGenerator, json_schema};

use crate::{
    Edge,
    access::Caller,
    context::Context,
    operation::{Access, Method, Operation, Success},
    problem::Problem,
    record::{Asker, CHECKPOINT, Kept},
};

pub(crate) static OPERATION: Operation = Operation {
    id: "getCheckpoint",
    method: Method::Get,
    path: "/checkpoint",
    group: "Audit",
    summary: "Where the ledger stood when it was last signed",
    about: "Origin, size and root, signed (C2SP tlog-checkpoint). A new one is signed every minute while events come.",
    access: Access::Open(Door::Audit, Scope::Audit),
    parameters: &[],
    body: None,
    answers: &[Success::of("text/plain", "The checkpoint", text).kept()],
    refusals: &[Code::NotFound],
};

fn text(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string" })
}

pub(crate) async fn handle(
    State(edge): State<Edge>,
    Extension(context): Extension<Context>,
    Extension(caller): Extension<Caller>,
) -> Result<Response, Problem> {
    let asker = Asker { actor: caller.actor, context };
    let checkpoint = edge.ask_the_record(&asker, subject::AUDIT_CHECKPOINT, &GetCheckpoint {}).await?;
    Ok(edge.keep_answer(CHECKPOINT, Kept::Briefly, false, checkpoint))
}
