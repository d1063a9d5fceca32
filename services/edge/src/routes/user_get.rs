//! `GET /api/users/:id`: a user.

use avanzacast_kit::config::{Door, Scope};
use avanzacast_schemas::{Code, GetUser, User, bus::subject, command_id};
use axum::{
    Extension,
    extract::{Path, State},
    response::Response,
};
use schemars::SchemaGenerator;

use crate::{
    Edge,
    access::Caller,
    ask::{Ask, answer, user_id},
    context::Context,
    operation::{Access, Method, Operation, Parameter, Success},
    problem::Problem,
};

pub(crate) static OPERATION: Operation = Operation {
    id: "getUser",
    method: Method::Get,
    path: "/api/users/{id}",
    group: "Users",
    summary: "A user",
    about: "Of a user who was erased, address and names are empty.",
    access: Access::Open(Door::Users, Scope::Manage),
    parameters: &[Parameter::path("id", "The user", SchemaGenerator::subschema_for::<i64>)],
    body: None,
    answers: &[Success::json(200, "The user", SchemaGenerator::subschema_for::<User>)],
    refusals: &[Code::UserNotFound],
};

pub(crate) async fn handle(
    State(edge): State<Edge>,
    Extension(context): Extension<Context>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let query = GetUser { id: user_id(&id)? };
    let id = command_id::fresh();
    let ask = Ask { subject: subject::USER_GET, id, actor: &caller.actor, context, command: &query };
    let reply = edge.ask(ask).await?;
    Ok(answer(reply.status, reply.body))
}
