//! `GET /api/users/:id`: a user.

use avanzacast_schemas::{Actor, ActorKind, Code, GetUser, bus::subject, command_id};
use axum::{
    Extension,
    extract::{Path, State},
    response::Response,
};

use crate::{
    Edge,
    ask::{Ask, answer},
    context::Context,
    problem::Problem,
};

pub(crate) async fn handle(
    State(edge): State<Edge>,
    Extension(context): Extension<Context>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    // What cannot be an id is nobody's. One user has one path: no signs, no leading zeros.
    let number = id.parse().ok().filter(|number: &i64| number.to_string() == id);
    let query = GetUser { id: number.ok_or(Code::UserNotFound)? };
    let (id, actor) = (command_id::fresh(), Actor::of(ActorKind::Anonymous));
    let reply = edge.ask(Ask { subject: subject::USER_GET, id, actor: &actor, context, command: &query }).await?;
    Ok(answer(reply.status, reply.body))
}
