//! `GET /assets/<build>/<path>`: what pages load.

use avanzacast_pages::{asset, build};
use avanzacast_schemas::Code;
use axum::{
    extract::{Path, State},
    http::HeaderMap,
    response::Response,
};
use schemars::SchemaGenerator;

use crate::{
    Edge,
    operation::{Access, Method, Operation, PAGES, Parameter, Success},
    pages::{Kept, answer},
    problem::Problem,
};

pub(crate) static OPERATION: Operation = Operation {
    id: "asset",
    method: Method::Get,
    path: "/assets/{build}/{*path}",
    group: PAGES,
    summary: "What pages load",
    about: "Styles, modules, texts, icons, and LiveKit's client (`livekit-client.js`), which is 404 while it is not there. Under \
            another build than this program's the same, which no cache keeps without asking: while an upgrade is under way a \
            page may come from one edge and what it loads from another.",
    access: Access::Health,
    parameters: &[
        Parameter::path("build", "What the program's assets are called together", SchemaGenerator::subschema_for::<String>),
        Parameter::path("path", "Which", SchemaGenerator::subschema_for::<String>),
    ],
    body: None,
    answers: &[
        Success::of("*/*", "It", SchemaGenerator::subschema_for::<String>),
        Success::empty(304, "What `If-None-Match` names is what it is"),
    ],
    refusals: &[Code::NotFound],
};

/// LiveKit's client, which is not part of this program.
const CLIENT: &str = "livekit-client.js";

pub(crate) async fn handle(
    State(edge): State<Edge>,
    Path((of, path)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    if path == CLIENT {
        let client = edge.pages.client.get().ok_or(Code::NotFound)?;
        return answer(client, Kept::Asked, &headers);
    }
    let kept = if of == build() { Kept::ForGood } else { Kept::Asked };
    answer(asset(&path).ok_or(Code::NotFound)?, kept, &headers)
}
