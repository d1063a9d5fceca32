//! `GET /`: the panel, for whoever knows no more than the host.

use avanzacast_pages::Page;
use axum::{
    extract::State,
    http::{HeaderMap, Uri},
    response::Response,
};
use schemars::SchemaGenerator;

use crate::{
    Edge,
    operation::{Access, Method, Operation, PAGES, Success},
};

pub(crate) static OPERATION: Operation = Operation {
    id: "home",
    method: Method::Get,
    path: "/",
    group: PAGES,
    summary: "The panel",
    about: "For whoever knows no more than the host.",
    access: Access::Public,
    parameters: &[],
    body: None,
    answers: &[Success::of("text/html", "The page", SchemaGenerator::subschema_for::<String>)],
    refusals: &[],
};

pub(crate) async fn handle(State(edge): State<Edge>, uri: Uri, headers: HeaderMap) -> Response {
    edge.pages.answer(Page::Panel, &uri, &headers)
}
