//! `GET /api/token`: a token without a session, for frontends that know nothing else.

use avanzacast_kit::config::{Door, Scope};
use avanzacast_schemas::{Code, IssueToken, IssuedToken, RoomName, Username, bus::subject, command_id};
use axum::{Extension, extract::State, response::Response};
use schemars::SchemaGenerator;

use crate::{
    Edge,
    access::Caller,
    ask::{Ask, answer},
    context::Context,
    operation::{Access, Method, Operation, Parameter, Success},
    problem::Problem,
    query::Query,
};

pub(crate) static OPERATION: Operation = Operation {
    id: "issueToken",
    method: Method::GetOnly,
    path: "/api/token",
    group: "Tokens",
    summary: "A token without a session",
    about: "For frontends that know nothing else. Nothing can be revoked or consumed; the username is the identity in \
            the room, so a second caller with the same one evicts the first.",
    access: Access::Open(Door::Token, Scope::Mint),
    parameters: &[
        Parameter::query("room", true, "The room", SchemaGenerator::subschema_for::<RoomName>),
        Parameter::query(
            "username",
            true,
            "The identity; not one that begins with `p_`",
            SchemaGenerator::subschema_for::<Username>,
        ),
    ],
    body: None,
    answers: &[Success::json(200, "The token", SchemaGenerator::subschema_for::<IssuedToken>)],
    refusals: &[Code::RoomReserved, Code::BroadcastOver],
};

pub(crate) async fn handle(
    State(edge): State<Edge>,
    Extension(context): Extension<Context>,
    Extension(caller): Extension<Caller>,
    Query(command): Query<IssueToken>,
) -> Result<Response, Problem> {
    let id = command_id::fresh();
    let ask = Ask { subject: subject::TOKEN_ISSUE, id, actor: &caller.actor, context, command: &command };
    let reply = edge.ask(ask).await?;
    Ok(answer(reply.status, reply.body))
}
