//! `GET /tile/entries/<number>`: events, byte for byte, in bundles.

use avanzacast_kit::config::Scope;
use avanzacast_schemas::{Code, ListEvents};
use axum::{Extension, extract::State, http::Uri, response::Response};
use bytes::{BufMut, Bytes, BytesMut};

use super::audit_tile::{bytes, index};
use crate::{
    Edge, Reach,
    access::Caller,
    context::Context,
    operation::{Access, Method, Operation, Parameter, Success},
    problem::Problem,
    record::{Asker, Kept, TILE},
    tile::Index,
};

pub(crate) static OPERATION: Operation = Operation {
    id: "getEntries",
    method: Method::Get,
    path: "/tile/entries/{*index}",
    group: "Audit",
    summary: "Events, byte for byte, in bundles",
    about: "A bundle of entries as C2SP tlog-tiles has it: 256 events, or fewer for a partial one that the last checkpoint \
            has, each after its length in two bytes, big end first. Events show who was where, so a credential is needed \
            even where anybody may have the tiles of hashes. 404 for events that the ledger has let go.",
    access: Access::Secret(Scope::Audit),
    parameters: &[Parameter::path("index", "As that of a tile", index)],
    body: None,
    answers: &[Success::of(TILE, "The events", bytes).kept()],
    refusals: &[Code::NotFound],
};

pub(crate) async fn handle(
    State(edge): State<Edge>,
    Extension(context): Extension<Context>,
    Extension(caller): Extension<Caller>,
    uri: Uri,
) -> Result<Response, Problem> {
    let asker = Asker { actor: caller.actor, context };
    let index = uri.path().strip_prefix("/tile/entries/").and_then(Index::read).ok_or(Code::NotFound)?;
    let (before, through) = index.events().ok_or(Code::NotFound)?;
    if edge.signed_size(&asker).await? < through {
        return Err(Code::NotFound.into());
    }
    let bundle = edge.bundle(&asker, before, through).await?;
    Ok(edge.keep_answer(TILE, Kept::ForGood, true, bundle))
}

impl Reach {
    /// The events after one place, through another: all of them, or none.
    async fn bundle(&self, asker: &Asker, before: u64, through: u64) -> Result<Bytes, Problem> {
        let (mut bundle, mut at) = (BytesMut::new(), before);
        while at < through {
            let list = ListEvents { after: at, through: Some(through), ..ListEvents::default() };
            let page = self.events(asker, &list).await?;
            if page.first > at + 1 {
                return Err(Code::NotFound.into());
            }
            let found = u64::try_from(page.events.len()).unwrap_or(u64::MAX);
            // Unfiltered, every place that was looked at is an event.
            if found == 0 || at.checked_add(found) != Some(page.through) {
                return Err(Code::Internal.into());
            }
            page.events.iter().try_for_each(|event| put(&mut bundle, event))?;
            at = page.through;
        }
        Ok(bundle.freeze())
    }
}

/// An entry after its length. The format has no room for longer ones, and no event is nearly as long.
fn put(bundle: &mut BytesMut, event: &str) -> Result<(), Problem> {
    let length = u16::try_from(event.len()).map_err(|_| Code::Internal)?;
    bundle.put_u16(length);
    bundle.put_slice(event.as_bytes());
    Ok(())
}
