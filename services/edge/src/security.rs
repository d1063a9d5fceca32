//! What browsers are told about every answer, so that none of them can be made to run or to frame it.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

const FIXED: [(HeaderName, HeaderValue); 2] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    // A path can hold a session id.
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
];
/// For answers that are no pages; a page brings its own.
const NO_PAGE: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
/// A year, this host alone: other hosts of the domain are not ours to speak for.
const HTTPS_ONLY: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// Adds the headers; `https` says whether the edge is reached that way from outside.
pub(crate) fn put(headers: &mut HeaderMap, https: bool) {
    headers.extend(FIXED);
    // Whoever names an origin is told more, which a cache must not give to others.
    headers.entry(header::VARY).or_insert(const { HeaderValue::from_static("origin") });
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(NO_PAGE);
    if https {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HTTPS_ONLY);
    }
}
