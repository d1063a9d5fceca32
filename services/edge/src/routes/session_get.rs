//! `GET /api/session/:id`: what a session lets into, and its token. Never consumes.

use avanzacast_kit::time;
use avanzacast_schemas::{CachedSession, Code, GetSession, SessionId, SessionView, bus::subject, command_id};
use axum::{
    Extension,
    extract::{Path, State},
    response::Response,
};
use bytes::Bytes;
use schemars::SchemaGenerator;
use serde_json::value::RawValue;

use crate::{
    Edge,
    access::Caller,
    ask::{Ask, answer, session_id},
    context::Context,
    operation::{Access, Method, Operation, Parameter, Success},
    problem::Problem,
};

pub(crate) static OPERATION: Operation = Operation {
    id: "getSession",
    method: Method::Get,
    path: "/api/session/{id}",
    group: "Sessions",
    summary: "Look at a session",
    about: "Never consumes, whoever looks, however often. A single-use link shows no token.",
    access: Access::Holder,
    parameters: &[Parameter::path("id", "The session", SchemaGenerator::subschema_for::<SessionId>)],
    body: None,
    answers: &[Success::json(200, "The session", SchemaGenerator::subschema_for::<SessionView>)],
    refusals: &[
        Code::SessionNotFound,
        Code::SessionConsumed,
        Code::SessionExpired,
        Code::SessionRevoked,
        Code::SessionBroadcastOver,
    ],
};

pub(crate) async fn handle(
    State(edge): State<Edge>,
    Extension(context): Extension<Context>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let body = edge.look(session_id(id)?, &caller, context).await?;
    Ok(answer(200, body))
}

impl crate::Reach {
    /// What a session lets into, from the cache or else from a worker: JSON of [`SessionView`].
    pub(crate) async fn look(&self, id: SessionId, caller: &Caller, context: Context) -> Result<Bytes, Problem> {
        if let Some(entry) = self.cache.read(&id).await
            && let Ok(session) = serde_json::from_slice::<CachedSession<&RawValue>>(&entry)
        {
            let found = session.read(time::now_ms()).map_err(Problem::from)?;
            return Ok(Bytes::copy_from_slice(found.get().as_bytes()));
        }
        let query = GetSession { id };
        let id = command_id::fresh();
        let ask = Ask { subject: subject::SESSION_GET, id, actor: &caller.actor, context, command: &query };
        Ok(self.ask(ask).await?.body)
    }
}
