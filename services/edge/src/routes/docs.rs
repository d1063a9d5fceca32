//! `GET /docs`: the same description, as a page.

use axum::response::Response;
use schemars::{Schema, SchemaGenerator, json_schema};

use crate::{
    description,
    operation::{Access, Method, OPERATIONS, Operation, Success},
};

pub(crate) static OPERATION: Operation = Operation {
    id: "docs",
    method: Method::Get,
    path: "/docs",
    group: OPERATIONS,
    summary: "This description, as a page",
    about: "",
    access: Access::Public,
    parameters: &[],
    body: None,
    answers: &[Success::of("text/html", "A page", page)],
    refusals: &[],
};

fn page(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string" })
}

pub(crate) async fn handle() -> Response {
    description::html()
}
