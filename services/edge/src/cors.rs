//! Which pages of other origins a browser lets call (the Fetch standard's CORS protocol). No page is let use our cookie:
//! it is for our own.

use std::{
    task::{Context, Poll, ready},
    time::Duration,
};

use avanzacast_kit::config::Origins;
use axum::{
    extract::Request,
    http::{HeaderName, HeaderValue, Method, header},
    response::Response,
};
use futures::future::Either;
use tower::{Layer, Service};
use tower_http::cors::{AllowOrigin, Any, Cors, CorsLayer};

use crate::context::REQUEST_ID;

/// How long a browser may keep what a preflight was told: as long as Chromium's own limit for a short one, so that a
/// changed configuration is soon everywhere.
const MAX_AGE: Duration = Duration::from_secs(600);

/// What a page may send besides what any page may.
const SENT: [HeaderName; 8] = [
    header::CONTENT_TYPE,
    header::AUTHORIZATION,
    HeaderName::from_static("idempotency-key"),
    HeaderName::from_static("x-session-resume"),
    HeaderName::from_static("last-event-id"),
    HeaderName::from_static("traceparent"),
    HeaderName::from_static("x-backend-secret"),
    HeaderName::from_static("x-backend-signature"),
];

/// What a page may read besides what any page may.
const READ: [HeaderName; 4] =
    [header::LOCATION, header::LINK, header::RETRY_AFTER, HeaderName::from_static(REQUEST_ID)];

/// Answers preflights, of any route, and says in every answer who may read it.
pub(crate) fn layer(origins: &Origins) -> ForPages {
    ForPages(protocol(origins))
}

fn protocol(origins: &Origins) -> CorsLayer {
    let layer = CorsLayer::new()
        .allow_methods([Method::GET, Method::HEAD, Method::POST, Method::DELETE])
        .allow_headers(SENT)
        .expose_headers(READ)
        .max_age(MAX_AGE);
    match origins {
        Origins::All => layer.allow_origin(Any),
        Origins::Local => layer.allow_origin(AllowOrigin::predicate(|origin, _| is_local(origin))),
        Origins::These(origins) => {
            let origins = origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok());
            layer.allow_origin(AllowOrigin::list(origins))
        }
    }
}

/// The protocol, for requests that a page of another origin may have made. Servers send no `Origin`, and need not wait
/// for headers that nobody reads: of the smallest answer they took a fifth of the processor's time.
#[derive(Clone)]
pub(crate) struct ForPages(CorsLayer);

impl<S: Clone> Layer<S> for ForPages {
    type Service = PerCaller<S>;

    fn layer(&self, inner: S) -> PerCaller<S> {
        PerCaller { pages: self.0.layer(inner.clone()), others: inner }
    }
}

/// What answers, for pages and for others.
#[derive(Clone)]
pub(crate) struct PerCaller<S> {
    pages: Cors<S>,
    others: S,
}

impl<S: Service<Request, Response = Response>> Service<Request> for PerCaller<S> {
    type Response = Response;
    type Error = S::Error;
    type Future = Either<<Cors<S> as Service<Request>>::Future, S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        ready!(self.others.poll_ready(context))?;
        Service::<Request>::poll_ready(&mut self.pages, context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        if request.method() == Method::OPTIONS || request.headers().contains_key(header::ORIGIN) {
            Either::Left(self.pages.call(request))
        } else {
            Either::Right(self.others.call(request))
        }
    }
}

/// Whether a page comes from this machine: `http://localhost` or `http://127.0.0.1`, at any port. Taken apart, for
/// `http://localhost:80.evil.example` begins like one.
fn is_local(origin: &HeaderValue) -> bool {
    let Some(rest) = origin.to_str().ok().and_then(|origin| origin.strip_prefix("http://")) else { return false };
    let (host, port) = match rest.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (rest, None),
    };
    let decimal = |port: &str| port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok();
    ["localhost", "127.0.0.1"].contains(&host) && port.is_none_or(decimal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_pages_are_known_by_their_whole_origin() {
        for good in ["http://localhost", "http://localhost:3000", "http://127.0.0.1:5173"] {
            assert!(is_local(&HeaderValue::from_static(good)), "{good}");
        }
        for bad in [
            "null",
            "",
            "https://localhost",
            "http://localhost.evil.example",
            "http://localhost:80.evil.example",
            "http://localhost:",
            "http://localhost:+80",
            "http://localhost:65536",
            "http://localhost:80:80",
            "http://localhost:80/",
            "http://127.0.0.1.evil.example",
            "http://127.0.0.10",
            "http://evil@localhost",
            "HTTP://LOCALHOST",
        ] {
            assert!(!is_local(&HeaderValue::from_static(bad)), "{bad}");
        }
    }
}
