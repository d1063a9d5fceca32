//! What the edge says of itself, made from its operations: the OpenAPI document, and a page to read.

mod openapi;
mod page;
mod refusals;

use std::sync::LazyLock;

use axum::{
    http::header,
    response::{IntoResponse, Response},
};

pub use self::openapi::document as openapi;

/// Neither changes while the program runs.
static OPENAPI: LazyLock<String> = LazyLock::new(|| format!("{:#}\n", openapi()));
static PAGE: LazyLock<String> = LazyLock::new(page::render);

/// The OpenAPI document.
pub(crate) fn json() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], OPENAPI.as_str()).into_response()
}

/// The page.
pub(crate) fn html() -> Response {
    let kind = [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CONTENT_LANGUAGE, "en")];
    (kind, [(header::CONTENT_SECURITY_POLICY, page::POLICY.as_str())], PAGE.as_str()).into_response()
}
