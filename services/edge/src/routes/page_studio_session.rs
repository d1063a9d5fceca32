//! `GET /studio/{id}`: the studio, for a session. It consumes nothing: whoever looks has not joined.

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
    id: "studioPageOfSession",
    method: Method::Get,
    path: "/studio/{id}",
    group: PAGES,
    summary: "The studio, for a session",
    about: "A look at it, or a link's preview, consumes nothing.",
    access: Access::Public,
    parameters: &[Parameter::path("id", "The session", SchemaGenerator::subschema_for::<String>)],
    body: None,
    answers: &[Success::of("text/html", "The page", SchemaGenerator::subschema_for::<String>)],
    refusals: &[],
};

pub(crate) async fn handle(State(edge): State<Edge>, uri: Uri, headers: HeaderMap) -> Response {
    edge.pages.answer(Page::Studio, &uri, &headers)
}
