//! `DELETE /api/users/:id`: forgets a user, and whom the sessions that this user registered let in.

use std::time::Duration;

use avanzacast_kit::config::Scope;
use avanzacast_schemas::{Code, ErasePerson, Erased, Refusal, Whom, bus::subject, command_id};
use axum::{
    Extension,
    extract::{Path, State},
    response::Response,
};
use bytes::Bytes;
use schemars::{Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use tokio::time::Instant;

use crate::{
    Edge,
    access::Caller,
    ask::{Ask, answer, user_id},
    context::Context,
    operation::{Access, Method, Operation, Parameter, Success},
    problem::Problem,
    query::Query,
};

pub(crate) static OPERATION: Operation = Operation {
    id: "eraseUser",
    method: Method::Delete,
    path: "/api/users/{id}",
    group: "Users",
    summary: "Forget a user",
    about: "What the user was called is erased, and so is what those were called whom the user's sessions let in; sessions \
            that still let in are revoked. The ledger says that it was done, by whom and why, and every proof stays \
            valid. Again is 204 too. Very many sessions can take longer than one request: then 504, and again goes on.",
    access: Access::Secret(Scope::Manage),
    parameters: &[
        Parameter::path("id", "The user", SchemaGenerator::subschema_for::<i64>),
        Parameter::query("reason", false, "Why. It stands in the ledger for good, so it must name nobody", reason),
    ],
    body: None,
    answers: &[Success::empty(204, "The user is forgotten")],
    refusals: &[Code::UserNotFound],
};

/// What the ledger says when nobody said why.
const UNSAID: &str = "requested over the API";
/// A user's sessions are erased some hundreds at a time; who waits longer than this for all of them asks again.
const PATIENCE: Duration = Duration::from_secs(30);

fn reason(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "minLength": 1, "maxLength": 256, "pattern": "^[^\\p{Cc}]*$" })
}

#[derive(Debug, Deserialize)]
pub(crate) struct Why {
    reason: Option<String>,
}

pub(crate) async fn handle(
    State(edge): State<Edge>,
    Extension(context): Extension<Context>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    Query(why): Query<Why>,
) -> Result<Response, Problem> {
    let reason = why.reason.unwrap_or_else(|| UNSAID.to_owned());
    if !(1..=256).contains(&reason.len()) || reason.chars().any(char::is_control) {
        return Err(Problem::malformed("reason must be 1 to 256 bytes, without control characters"));
    }
    let command = ErasePerson { whom: Whom::User(user_id(&id)?), reason };
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until {
        let id = command_id::fresh();
        let ask = Ask { subject: subject::SESSION_ERASE, id, actor: &caller.actor, context, command: &command };
        let erased: Erased = serde_json::from_slice(&edge.ask(ask).await?.body).map_err(|_| Code::Internal)?;
        if !erased.more {
            return Ok(answer(204, Bytes::new()));
        }
    }
    Err(Refusal::new(Code::NoAnswer, "a part is erased; ask again for the rest").into())
}
