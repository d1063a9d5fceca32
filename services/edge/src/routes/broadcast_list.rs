//! `GET /api/broadcasts`: broadcasts, newest first, a page at a time.

use avanzacast_schemas::{Actor, ActorKind, ListBroadcasts, bus::subject, command_id};
use axum::{Extension, extract::State, response::Response};

use crate::{Edge, ask::Ask, context::Context, page::page, params::Params, problem::Problem};

pub(crate) async fn handle(
    State(edge): State<Edge>,
    Extension(context): Extension<Context>,
    Params(query): Params<ListBroadcasts>,
) -> Result<Response, Problem> {
    let (id, actor) = (command_id::fresh(), Actor::of(ActorKind::Anonymous));
    let ask = Ask { subject: subject::BROADCAST_LIST, id, actor: &actor, context, command: &query };
    let reply = edge.ask(ask).await?;
    page(&reply, "/api/broadcasts", |cursor| ListBroadcasts { cursor: Some(cursor), ..query })
}
