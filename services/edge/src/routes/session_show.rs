//! `GET /api/sessions/:id`: a session, for a manager.

use avanzacast_kit::config::Scope;
use avanzacast_schemas::{Code, ManagedSession, SessionId, ShowSession, bus::subject, command_id};
use axum::{
    Extension,
    extract::{Path, State},
    response::Response,
};
use schemars::SchemaGenerator;

use crate::{
    Edge,
    access::Caller,
    ask::{Ask, answer, session_id},
    context::Context,
    operation::{Access, Method, Operation, Parameter, Success},
    problem::Problem,
};

pub(crate) static OPERATION: Operation = Operation {
    id: "showSession",
    method: Method::Get,
    path: "/api/sessions/{id}",
    group: "Sessions",
    summary: "What a manager sees of a session",
    about: "Never a token. Ended sessions are shown too, until they are forgotten seven days later.",
    access: Access::Secret(Scope::Manage),
    parameters: &[Parameter::path("id", "The session", SchemaGenerator::subschema_for::<SessionId>)],
    body: None,
    answers: &[Success::json(200, "The session", SchemaGenerator::subschema_for::<ManagedSession>)],
    refusals: &[Code::SessionNotFound],
};

pub(crate) async fn handle(
    State(edge): State<Edge>,
    Extension(context): Extension<Context>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let (id, query) = (command_id::fresh(), ShowSession { id: session_id(id)? });
    let ask = Ask { subject: subject::SESSION_SHOW, id, actor: &caller.actor, context, command: &query };
    let reply = edge.ask(ask).await?;
    Ok(answer(reply.status, reply.body))
}
