//! `GET /`: leads to the panel.

use axum::{
    http::StatusCode,
    http::header,
    response::{IntoResponse, Response},
};

use crate::operation::{Access, Method, Operation, PAGES, Success};

pub(crate) static OPERATION: Operation = Operation {
    id: "home",
    method: Method::Get,
    path: "/",
    group: PAGES,
    summary: "To the panel",
    about: "",
    access: Access::Public,
    parameters: &[],
    body: None,
    answers: &[Success::empty(307, "It is there").with(&["Location"])],
    refusals: &[],
};

pub(crate) async fn handle() -> Response {
    (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, "/panel")]).into_response()
}
