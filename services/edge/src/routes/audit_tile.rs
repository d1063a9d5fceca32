//! `GET /tile/<level>/<number>`: hashes of the ledger's tree.

use avanzacast_kit::config::{Door, Scope};
use avanzacast_schemas::{Code, GetTile, bus::subject};
use axum::{Extension, extract::State, http::Uri, response::Response};
use schemars::{Schema, SchemaGenerator, json_schema};

use crate::{
    Edge,
    access::Caller,
    context::Context,
    operation::{Access, Method, Operation, Parameter, Success},
    problem::Problem,
    record::{Asker, Kept, TILE},
    tile::{Index, is_level},
};

pub(crate) static OPERATION: Operation = Operation {
    id: "getTile",
    method: Method::Get,
    path: "/tile/{level}/{*index}",
    group: "Audit",
    summary: "Hashes of the ledger's tree",
    about: "A tile as C2SP tlog-tiles has it: 256 hashes of 32 bytes, or fewer for a partial one that the last checkpoint \
            has. It never changes.",
    access: Access::Open(Door::Audit, Scope::Audit),
    parameters: &[
        Parameter::path("level", "0 for the events' own hashes", level),
        Parameter::path("index", "`x001/x234/067`, or `x001/x234/067.p/8` for its first 8; slashes are part of it", index),
    ],
    body: None,
    answers: &[Success::of(TILE, "The hashes", bytes).kept()],
    refusals: &[Code::NotFound],
};

fn level(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "integer", "minimum": 0, "maximum": 63 })
}

pub(super) fn index(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": "^(x[0-9]{3}/)*[0-9]{3}(\\.p/[1-9][0-9]{0,2})?$" })
}

pub(super) fn bytes(_: &mut SchemaGenerator) -> Schema {
    json_schema!({})
}

pub(crate) async fn handle(
    State(edge): State<Edge>,
    Extension(context): Extension<Context>,
    Extension(caller): Extension<Caller>,
    uri: Uri,
) -> Result<Response, Problem> {
    let asker = Asker { actor: caller.actor, context };
    // The path as it came: one that is written otherwise, with escapes for one, names no tile.
    let path = uri.path().strip_prefix("/tile/").ok_or(Code::NotFound)?;
    let is_tile = path.split_once('/').is_some_and(|(level, index)| is_level(level) && Index::read(index).is_some());
    let query = Some(GetTile { path: path.to_owned() }).filter(|_| is_tile).ok_or(Code::NotFound)?;
    let hashes = edge.ask_the_record(&asker, subject::AUDIT_TILE, &query).await?;
    Ok(edge.keep_answer(TILE, Kept::ForGood, false, hashes))
}
