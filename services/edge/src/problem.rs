//! Errors as RFC 9457 problem documents.

use std::{any::Any, time::Duration};

use avanzacast_schemas::{Code, Refusal};
use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;

/// When to try again, after "busy" or "away": seconds.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");

/// How to show a credential (RFC 9110, 11.6.1).
const CHALLENGE: HeaderValue = HeaderValue::from_static("Bearer realm=\"avanzacast\"");

/// An error on its way out. Its document is written by [`render`], once, where the request's id is known.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    pub(crate) refusal: Refusal,
    /// When to come back, in seconds.
    retry_after: Option<u64>,
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        Self { refusal, retry_after: None }
    }
}

impl From<Code> for Problem {
    fn from(code: Code) -> Self {
        Refusal::from(code).into()
    }
}

impl Problem {
    pub(crate) fn malformed(detail: impl Into<String>) -> Self {
        Refusal::new(Code::Malformed, detail).into()
    }

    /// The same, with when to come back: whole seconds, at least one.
    pub(crate) fn after(self, wait: Duration) -> Self {
        Self { retry_after: Some(wait.as_secs() + u64::from(wait.subsec_nanos() > 0)), ..self }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = status(self.refusal.code);
        response.extensions_mut().insert(self);
        response
    }
}

fn status(code: Code) -> StatusCode {
    StatusCode::from_u16(code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    title: &'a str,
    status: u16,
    detail: &'a str,
    code: &'a str,
    /// The same as `detail`, for frontends that know no problem documents.
    error: &'a str,
    request_id: &'a str,
}

/// Writes the document of an answer that is an error, whoever made it.
pub(crate) fn render(mut response: Response, request_id: &str) -> Response {
    let problem = match response.extensions_mut().remove::<Problem>() {
        Some(problem) => problem,
        None => match of_framework(response.status()) {
            Some(code) => Problem::from(code),
            None => return response,
        },
    };
    let Problem { refusal: Refusal { code, detail }, retry_after } = &problem;
    let document = Document {
        kind: "about:blank",
        title: code.title(),
        status: code.status(),
        detail,
        code: code.word(),
        error: detail,
        request_id,
    };
    let body = serde_json::to_vec(&document).unwrap_or_default();
    let (mut parts, _) = response.into_parts();
    parts.status = status(*code);
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    // Otherwise a cache may keep a 404 or a 410 (RFC 9110, 15.1), and the session may be there a moment later.
    parts.headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    match retry_after {
        Some(seconds) => drop(parts.headers.insert(header::RETRY_AFTER, HeaderValue::from((*seconds).max(1)))),
        None if parts.status == StatusCode::SERVICE_UNAVAILABLE => {
            parts.headers.insert(header::RETRY_AFTER, RETRY_AFTER);
        }
        None => {}
    }
    if parts.status == StatusCode::UNAUTHORIZED {
        parts.headers.insert(header::WWW_AUTHENTICATE, CHALLENGE);
    }
    Response::from_parts(parts, Body::from(body))
}

/// What an error status without a document of ours means: the framework made it.
fn of_framework(status: StatusCode) -> Option<Code> {
    match status.as_u16() {
        404 => Some(Code::NotFound),
        405 => Some(Code::MethodNotAllowed),
        413 => Some(Code::PayloadTooLarge),
        415 => Some(Code::UnsupportedMediaType),
        400..=499 => Some(Code::Malformed),
        // Our own health page has a 503 with a body of its own.
        500 => Some(Code::Internal),
        _ => None,
    }
}

pub(crate) async fn not_found() -> Problem {
    Problem::from(Code::NotFound)
}

pub(crate) async fn method_not_allowed() -> Problem {
    Problem::from(Code::MethodNotAllowed)
}

/// A panic in a handler is a bug; its caller gets an answer all the same.
pub(crate) fn panicked(_: Box<dyn Any + Send + 'static>) -> Response {
    tracing::error!("a handler panicked");
    Problem::from(Code::Internal).into_response()
}
