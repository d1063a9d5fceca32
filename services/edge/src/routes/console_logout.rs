//! `POST /api/console/logout`: takes the cookie away.

use axum::{extract::State, http::header, response::Response};
use bytes::Bytes;

use crate::{
    Edge,
    ask::answer,
    console::Pass,
    operation::{Access, Method, Operation, PAGES, Success},
};

pub(crate) static OPERATION: Operation = Operation {
    id: "consoleLogout",
    method: Method::Post,
    path: "/api/console/logout",
    group: PAGES,
    summary: "Take the cookie away",
    about: "From this browser. A copy of it would count until it runs out, or until the secret is another.",
    access: Access::Public,
    parameters: &[],
    body: None,
    answers: &[Success::empty(204, "It is gone").with(&["Set-Cookie"])],
    refusals: &[],
};

pub(crate) async fn handle(State(edge): State<Edge>) -> Response {
    let mut response = answer(204, Bytes::new());
    if let Some(cookie) = Pass::unset(edge.https) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}
