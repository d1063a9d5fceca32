//! Errors, in the shape of the backend's own: problem documents (RFC 9457).

use avanzacast_schemas::{Code, Refusal};
use axum::{
    extract::{Request, rejection::JsonRejection},
    http::{HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use serde_json::json;
use uuid::Uuid;

/// An error message may quote what was sent; this much of it.
const DETAIL_MAX_CHARS: usize = 200;

/// An error on its way out, without the request's id.
#[derive(Debug, Clone)]
pub(crate) struct Problem(Refusal);

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        // To a caller the two are one: there is nothing to go on with, and asking again does no harm.
        if refusal.code == Code::NoAnswer { Code::BusUnavailable.into() } else { Self(refusal) }
    }
}

impl From<Code> for Problem {
    fn from(code: Code) -> Self {
        Refusal::from(code).into()
    }
}

impl From<JsonRejection> for Problem {
    fn from(rejection: JsonRejection) -> Self {
        match rejection.status() {
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Code::UnsupportedMediaType.into(),
            _ => malformed(&rejection.body_text()),
        }
    }
}

pub(crate) fn malformed(detail: &str) -> Problem {
    Problem(Refusal::new(Code::Malformed, detail.chars().take(DETAIL_MAX_CHARS).collect::<String>()))
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = status(&self).into_response();
        response.extensions_mut().insert(self);
        response
    }
}

fn status(Problem(refusal): &Problem) -> StatusCode {
    StatusCode::from_u16(refusal.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// Gives every answer an id, and writes the document of those that are errors.
pub(crate) async fn render(request: Request, next: Next) -> Response {
    let (id, posted) = (Uuid::now_v7().to_string(), request.method() == Method::POST);
    let mut response = next.run(request).await;
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        // A probe that asks every second is not worth a line each time.
        if status(&problem).is_server_error() && posted {
            tracing::warn!(code = problem.0.code.word(), request.id = id, "request failed");
        }
        response = document(&problem, &id);
    }
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert("x-request-id", id);
    }
    response
}

fn document(problem: &Problem, request_id: &str) -> Response {
    let (status, Problem(Refusal { code, detail })) = (status(problem), problem);
    let body = json!({"type": "about:blank", "title": code.title(), "status": code.status(), "detail": detail,
        "code": code.word(), "error": detail, "requestId": request_id});
    let mut response = (status, body.to_string()).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if status == StatusCode::SERVICE_UNAVAILABLE {
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"token-server\""));
    }
    response
}
