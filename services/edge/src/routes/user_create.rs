//! `POST /api/users`: a user.

use avanzacast_kit::config::{Door, Scope};
use avanzacast_schemas::{Code, CreateUser, User, bus::subject};
use axum::{Extension, extract::State, http::HeaderMap, response::Response};
use schemars::SchemaGenerator;

use crate::{
    Edge,
    access::Caller,
    ask::{Ask, made},
    body::Json,
    context::Context,
    operation::{Access, IDEMPOTENCY_KEY, Method, Operation, Success},
    problem::Problem,
};

pub(crate) static OPERATION: Operation = Operation {
    id: "createUser",
    method: Method::Post,
    path: "/api/users",
    group: "Users",
    summary: "Make a user",
    about: "No two users have the same e-mail address or the same username, whatever the case of their letters.",
    access: Access::Open(Door::Users, Scope::Manage),
    parameters: &[IDEMPOTENCY_KEY],
    body: Some(SchemaGenerator::subschema_for::<CreateUser>),
    answers: &[Success::json(201, "The user", SchemaGenerator::subschema_for::<User>).with(&["Location"])],
    refusals: &[Code::EmailTaken, Code::UsernameTaken, Code::IdempotencyKeyReused],
};

pub(crate) async fn handle(
    State(edge): State<Edge>,
    Extension(context): Extension<Context>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    Json(command): Json<CreateUser>,
) -> Result<Response, Problem> {
    let id = caller.command_id(&headers)?;
    let ask = Ask { subject: subject::USER_CREATE, id, actor: &caller.actor, context, command: &command };
    made::<i64>(edge.ask(ask).await?, OPERATION.path)
}
