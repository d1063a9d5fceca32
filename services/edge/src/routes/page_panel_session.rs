//! `GET /panel/{id}`: the panel, for a session that somebody was given.

use avanzacast_pages::Page;
use axum::{
    extract::State,
    http::{HeaderMap, Uri},
    response::Response,
};
use schemars::SchemaGenerator;

use crate::{
    Edge,
    operation::{Access, Method, Operation, PAGES, Parameter, Success},
};

pub(crate) static OPERATION: Operation = Operation {
    id: "panelPageOfSession",
    method: Method::Get,
    path: "/panel/{id}",
    group: PAGES,
    summary: "The panel, for a session",
    about: "In Spanish or English: by `lang`, by the choice that was made before, or by `Accept-Language`.",
    access: Access::Public,
    parameters: &[Parameter::path("id", "The session", SchemaGenerator::subschema_for::<String>)],
    body: None,
    answers: &[Success::of("text/html", "The page", SchemaGenerator::subschema_for::<String>)],
    refusals: &[],
};

pub(crate) async fn handle(State(edge): State<Edge>, uri: Uri, headers: HeaderMap) -> Response {
    edge.pages.answer(Page::Panel, &uri, &headers)
}
