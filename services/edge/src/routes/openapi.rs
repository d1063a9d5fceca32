//! `GET /openapi.json`: the edge's own description.

use axum::response::Response;
use schemars::{Schema, SchemaGenerator, json_schema};

use crate::{
    description,
    operation::{Access, Method, OPERATIONS, Operation, Success},
};

pub(crate) static OPERATION: Operation = Operation {
    id: "openapi",
    method: Method::Get,
    path: "/openapi.json",
    group: OPERATIONS,
    summary: "This description",
    about: "",
    access: Access::Public,
    parameters: &[],
    body: None,
    answers: &[Success::json(200, "OpenAPI 3.1", anything)],
    refusals: &[],
};

fn anything(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "object" })
}

pub(crate) async fn handle() -> Response {
    description::json()
}
