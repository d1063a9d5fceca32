//! `DELETE /api/session/:id`: takes a session back.

use avanzacast_kit::config::Scope;
use avanzacast_schemas::{Code, RevokeSession, SessionId, bus::subject, command_id};
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
    id: "revokeSession",
    method: Method::Delete,
    path: "/api/session/{id}",
    group: "Sessions",
    summary: "Take a session back",
    about: "From then on it lets nobody in; again is no error. A token that was handed out before stays valid for \
            LiveKit until its own end.",
    access: Access::Secret(Scope::Manage),
    parameters: &[Parameter::path("id", "The session", SchemaGenerator::subschema_for::<SessionId>)],
    body: None,
    answers: &[Success::empty(204, "It is taken back")],
    refusals: &[Code::SessionNotFound, Code::SessionExpired],
};

pub(crate) async fn handle(
    State(edge): State<Edge>,
    Extension(context): Extension<Context>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let (id, command) = (command_id::fresh(), RevokeSession { id: session_id(id)? });
    let ask = Ask { subject: subject::SESSION_REVOKE, id, actor: &caller.actor, context, command: &command };
    let reply = edge.ask(ask).await?;
    Ok(answer(reply.status, reply.body))
}
