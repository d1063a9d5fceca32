//! `POST /api/session/:id/consume`: redeems a session. Exactly one consumer wins, and may come back with its key.

use avanzacast_schemas::{Code, ConsumeSession, ResumeKey, SessionConsumed, SessionId, bus::subject, command_id};
use axum::{
    Extension,
    extract::{Path, State},
    http::HeaderMap,
    response::Response,
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use rand::RngExt;
use schemars::SchemaGenerator;

use crate::{
    Edge,
    access::Caller,
    ask::{Ask, answer, session_id, single},
    context::Context,
    operation::{Access, Method, Operation, Parameter, Success},
    problem::Problem,
};

pub(crate) static OPERATION: Operation = Operation {
    id: "consumeSession",
    method: Method::Post,
    path: "/api/session/{id}/consume",
    group: "Sessions",
    summary: "Redeem a session",
    about: "Exactly one caller wins, however many come. With the same key it may come again, after a lost answer or a \
            reload, and gets the same identity with a fresh token. The answer is also what LiveKit's clients expect of \
            a token endpoint.",
    access: Access::Holder,
    parameters: &[
        Parameter::path("id", "The session", SchemaGenerator::subschema_for::<SessionId>),
        Parameter::header(
            "X-Session-Resume",
            "A key of the consumer's own; without it one is made, and is in the answer",
            SchemaGenerator::subschema_for::<ResumeKey>,
        ),
    ],
    body: None,
    answers: &[Success::json(200, "The winner's token", SchemaGenerator::subschema_for::<SessionConsumed>)],
    refusals: &[
        Code::SessionNotFound,
        Code::SessionTaken,
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
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let key = match single(&headers, "x-session-resume")? {
        Some(key) => key.to_owned(),
        // A consumer that brings no key is given one, in the answer.
        None => BASE64_URL_SAFE_NO_PAD.encode(rand::rng().random::<[u8; 32]>()),
    };
    let resume_key = ResumeKey::try_from(key).map_err(|invalid| Problem::malformed(invalid.0))?;
    let command = ConsumeSession { id: session_id(id)?, resume_key };
    let id = command_id::fresh();
    let ask = Ask { subject: subject::SESSION_CONSUME, id, actor: &caller.actor, context, command: &command };
    let reply = edge.ask(ask).await?;
    Ok(answer(reply.status, reply.body))
}
