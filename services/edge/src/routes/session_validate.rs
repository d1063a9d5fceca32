//! `POST /api/session/validate`: whether a token is good: signature, time, session, and LiveKit's own word.

use avanzacast_schemas::{Check, Code, ValidateToken, Validation, bus::subject, command_id};
use axum::{Extension, extract::State, response::Response};
use schemars::SchemaGenerator;

use crate::{
    Edge,
    access::Caller,
    ask::{Ask, json},
    body::Json,
    context::Context,
    operation::{Access, Method, Operation, Success},
    problem::Problem,
};

pub(crate) static OPERATION: Operation = Operation {
    id: "validateToken",
    method: Method::Post,
    path: "/api/session/validate",
    group: "Tokens",
    summary: "Whether a token is good",
    about: "By its signature, its time, its session's state, and then by the configured LiveKit's own word; of a token \
            that fails before, LiveKit is not asked. A token that belongs to no session of ours can be good: then \
            `session` is `unknown`.",
    access: Access::Public,
    parameters: &[],
    body: Some(SchemaGenerator::subschema_for::<ValidateToken>),
    answers: &[Success::json(200, "What was found", SchemaGenerator::subschema_for::<Validation>)],
    refusals: &[Code::LiveKitFailed, Code::LiveKitTimeout],
};

pub(crate) async fn handle(
    State(edge): State<Edge>,
    Extension(context): Extension<Context>,
    Extension(caller): Extension<Caller>,
    Json(query): Json<ValidateToken>,
) -> Result<Response, Problem> {
    let id = command_id::fresh();
    let ask = Ask { subject: subject::SESSION_VALIDATE, id, actor: &caller.actor, context, command: &query };
    let reply = edge.ask(ask).await?;
    let mut validation: Validation = serde_json::from_slice(&reply.body).map_err(|_| Code::Internal)?;
    if validation.valid {
        let taken = edge.livekit.takes(&query.token).await?;
        validation.valid = taken;
        validation.checks.livekit = if taken { Check::Ok } else { Check::Failed };
        validation.reason = (!taken).then(|| "livekit_refused".to_owned());
    }
    json(200, &validation)
}
