//! What the edge says of itself, made from its operations: the OpenAPI document, and a page to read.

mod openapi;
mod page;
mod refusals;

use std::sync::LazyLock;

use axum::{
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};

pub use self::openapi::document as openapi;

/// Neither changes while the program runs.
static OPENAPI: LazyLock<String> = LazyLock::new(|| format!("{:#}\n", openapi()));
static PAGE: LazyLock<String> = LazyLock::new(|| page::render(&openapi()));

/// The page's own style sheet is in it, and nothing else is loaded or run.
const PAGE_POLICY: HeaderValue =
    HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'");

/// The OpenAPI document.
pub(crate) fn json() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], OPENAPI.as_str()).into_response()
}

/// The page.
pub(crate) fn html() -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (header::CONTENT_SECURITY_POLICY, PAGE_POLICY),
    ];
    (headers, PAGE.as_str()).into_response()
}
