//! `GET /studio`: the studio, for a session that a panel hands over.

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
    id: "studioPage",
    method: Method::Get,
    path: "/studio",
    group: PAGES,
    summary: "The studio",
    about: "In Spanish or English: by `lang`, by the choice that was made before, or by `Accept-Language`.",
    access: Access::Public,
    parameters: &[],
    body: None,
    answers: &[Success::of("text/html", "The page", SchemaGenerator::subschema_for::<String>)],
    refusals: &[],
};

pub(crate) async fn handle(State(edge): State<Edge>, uri: Uri, headers: HeaderMap) -> Response {
    edge.pages.answer(Page::Studio, &uri, &headers)
}
