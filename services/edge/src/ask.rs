//! From a request to a command, and from its reply to an answer.

use std::{fmt::Display, time::Duration};

use avanzacast_kit::bus::{DEADLINE, Reply, Request};
use avanzacast_schemas::{Actor, Code, SessionId};
use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::Response,
};
use bytes::Bytes;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use uuid::Uuid;

use crate::{Reach, context::Context, problem::Problem};

/// A command as a handler gives it.
pub(crate) struct Ask<'a, C> {
    pub(crate) subject: &'static str,
    pub(crate) id: String,
    pub(crate) actor: &'a Actor,
    pub(crate) context: Context,
    pub(crate) command: &'a C,
}

impl Reach {
    /// Sends a command and awaits its answer.
    pub(crate) async fn ask<C: Serialize>(&self, ask: Ask<'_, C>) -> Result<Reply, Problem> {
        self.ask_within(DEADLINE, ask).await
    }

    /// The same within a time of its own.
    pub(crate) async fn ask_within<C: Serialize>(&self, patience: Duration, ask: Ask<'_, C>) -> Result<Reply, Problem> {
        let body = serde_json::to_vec(ask.command).map_err(|_| Code::Internal)?;
        let request = Request {
            subject: ask.subject,
            command_id: ask.id,
            actor: ask.actor,
            trace: ask.context.trace,
            body: Bytes::from(body),
            patience,
        };
        let reply = self.caller.call(&request).await.map_err(Code::from)?;
        match reply.refusal() {
            None => Ok(reply),
            Some(refusal) => Err(refusal.into()),
        }
    }
}

/// An answer of JSON that no cache may keep: it holds a token, or the id that opens the door.
pub(crate) fn answer(status: u16, body: Bytes) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    let headers = response.headers_mut();
    if status != 204 {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The same, of something that has JSON.
pub(crate) fn json(status: u16, body: &impl Serialize) -> Result<Response, Problem> {
    serde_json::to_vec(body).map(|body| answer(status, body.into())).map_err(|_| Code::Internal.into())
}

/// Where something is.
pub(crate) struct Location(HeaderValue);

/// Where a session is.
pub(crate) fn at(id: &SessionId) -> Result<Location, Problem> {
    HeaderValue::from_str(&format!("/api/session/{id}")).map(Location).map_err(|_| Code::Internal.into())
}

impl Location {
    pub(crate) fn on(self, mut response: Response) -> Response {
        response.headers_mut().insert(header::LOCATION, self.0);
        response
    }
}

/// The answer that a session was made.
pub(crate) fn created(reply: Reply) -> Result<Response, Problem> {
    #[derive(Deserialize)]
    struct Created {
        id: SessionId,
    }
    let Created { id } = serde_json::from_slice(&reply.body).map_err(|_| Code::Internal)?;
    Ok(at(&id)?.on(answer(reply.status, reply.body)))
}

/// The answer about something else that was made, found at `path` under its id.
pub(crate) fn made<I: DeserializeOwned + Display>(reply: Reply, path: &str) -> Result<Response, Problem> {
    #[derive(Deserialize)]
    struct Made<I> {
        id: I,
    }
    let Made::<I> { id } = serde_json::from_slice(&reply.body).map_err(|_| Code::Internal)?;
    let location = HeaderValue::from_str(&format!("{path}/{id}")).map_err(|_| Code::Internal)?;
    Ok(Location(location).on(answer(reply.status, reply.body)))
}

/// A broadcast's id, from the path. What cannot be one is nobody's.
pub(crate) fn broadcast_id(text: &str) -> Result<Uuid, Problem> {
    let id = Uuid::parse_str(text).ok().filter(|id| id.to_string().eq_ignore_ascii_case(text));
    id.ok_or_else(|| Code::BroadcastNotFound.into())
}

/// A dead letter's number, from the path. What cannot be one is nobody's.
pub(crate) fn dead_seq(text: &str) -> Result<u64, Problem> {
    let seq = text.parse().ok().filter(|seq: &u64| *seq > 0 && seq.to_string() == text);
    seq.ok_or_else(|| Code::DeadNotFound.into())
}

/// A user's id, from the path. What cannot be one is nobody's. One user has one path: no signs, no leading zeros.
pub(crate) fn user_id(text: &str) -> Result<i64, Problem> {
    let number = text.parse().ok().filter(|number: &i64| number.to_string() == text);
    number.ok_or_else(|| Code::UserNotFound.into())
}

/// A session's id, from the path.
pub(crate) fn session_id(text: String) -> Result<SessionId, Problem> {
    SessionId::try_from(text).map_err(|invalid| Problem::malformed(invalid.0))
}

/// The one value of a header, if it is there.
pub(crate) fn single<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, Problem> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Problem::malformed(format!("the header {name} must be sent once")));
    }
    let text = value.to_str().map_err(|_| Problem::malformed(format!("the header {name} is not ASCII")))?;
    Ok(Some(text))
}
