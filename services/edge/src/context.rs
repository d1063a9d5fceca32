//! What surrounds every request: its id, its trace, its span, its access line, and the writing of errors.

use std::time::Instant;

use avanzacast_kit::{metrics, telemetry::TraceContext};
use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, HeaderValue},
    middleware::Next,
    response::Response,
};
use tracing::Instrument;
use uuid::Uuid;

use crate::{Edge, problem, security};

/// The header that every answer has.
pub(crate) const REQUEST_ID: &str = "x-request-id";

/// What a handler needs to know of its request, besides what it asks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Context {
    pub(crate) trace: TraceContext,
}

/// Runs a request.
pub(crate) async fn wrap(State(edge): State<Edge>, mut request: Request, next: Next) -> Response {
    let start = Instant::now();
    let id = request_id(request.headers());
    let trace = TraceContext::continue_from(text(request.headers(), "traceparent"));
    request.extensions_mut().insert(Context { trace });
    // The route, never the path: a path holds session ids.
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map_or("", MatchedPath::as_str);
    let method = request.method().clone();
    // At debug: a span that is never read cost a tenth of a look at a session. A failure names itself, below.
    let span = tracing::debug_span!("http", %method, route, request.id = id, trace.id = %trace);
    let response = next.run(request).instrument(span.clone()).await;
    let mut response = problem::render(response, &id);
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    security::put(response.headers_mut(), edge.https);
    metrics::request(route, method.as_str(), response.status().as_u16(), start.elapsed());
    let (status, elapsed_ms) = (response.status().as_u16(), start.elapsed().as_millis());
    span.in_scope(|| {
        if status >= 500 {
            tracing::warn!(%method, route, request.id = id, trace.id = %trace, status, elapsed_ms, "request failed");
        } else {
            tracing::debug!(status, elapsed_ms, "request");
        }
    });
    response
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// The caller's id for the request when it has a sane one, else ours.
fn request_id(headers: &HeaderMap) -> String {
    let sane = |id: &&str| {
        (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
    };
    text(headers, REQUEST_ID).filter(sane).map_or_else(|| Uuid::now_v7().to_string(), str::to_owned)
}
