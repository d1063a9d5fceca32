//! Events for those who watch. What comes is sent as it comes, from one subscription; what is missing, before or in
//! between, is asked of the ledger. A reader that falls behind goes on from the ledger, as fast as it reads, and nothing is
//! kept for it meanwhile.

mod event;
mod frame;
mod hub;
mod outlet;
mod reader;

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use avanzacast_kit::connections::Hangup;
use avanzacast_schemas::{Code, EventFilter, ListEvents};
use axum::{body::Body, http::Version};
use bytes::BytesMut;
use tokio::sync::{Mutex, Semaphore};

use self::{hub::Hub, outlet::Outlet, reader::Reader};
use crate::{Edge, Reach, problem::Problem, record::Asker};

/// Readers of one edge at most: a browser's tab each, or a program's connection.
const READERS: usize = 128;
/// For where the ledger ends, before a stream begins: without it the stream begins with the next event.
const START: Duration = Duration::from_secs(1);

/// Who watches on this edge.
#[derive(Debug)]
pub(crate) struct Feed {
    hub: Mutex<Weak<Hub>>,
    slots: Arc<Semaphore>,
}

impl Default for Feed {
    fn default() -> Self {
        Self { hub: Mutex::default(), slots: Arc::new(Semaphore::new(READERS)) }
    }
}

/// What somebody wants to watch.
#[derive(Debug)]
pub(crate) struct Wish {
    /// Events after this place; from now on, when it is not said.
    pub(crate) after: Option<u64>,
    pub(crate) only: EventFilter,
    pub(crate) asker: Asker,
    /// How to cut the connection.
    pub(crate) hangup: Option<Hangup>,
    pub(crate) version: Version,
}

/// Begins a stream.
pub(crate) async fn watch(edge: &Edge, wish: Wish) -> Result<Body, Problem> {
    let slot = Arc::clone(&edge.feed.slots).try_acquire_owned().map_err(|_| Code::Busy)?;
    let hub = edge.feed.hub(edge).await?;
    // First this, so that nothing falls between.
    let signals = hub.subscribe();
    let behind = wish.after.is_some();
    let at = match wish.after {
        Some(after) => Some(after),
        None => now(edge, &hub, &wish.asker).await,
    };
    let (outlet, body) = Outlet::new(&edge.life, wish.hangup, wish.version);
    let reader = Reader {
        edge: Arc::clone(edge),
        asker: wish.asker,
        only: wish.only,
        at,
        behind,
        signals,
        outlet,
        ready: BytesMut::new(),
        _hub: hub,
        _slot: slot,
    };
    edge.life.background(reader.run());
    Ok(body)
}

/// Where the ledger ends, as far as can be known.
async fn now(edge: &Edge, hub: &Hub, asker: &Asker) -> Option<u64> {
    if let Some(last) = hub.last() {
        return Some(last);
    }
    let end = edge.ledger_end(asker, START).await.ok()?;
    hub.heard_of(end);
    Some(end)
}

impl Feed {
    async fn hub(&self, edge: &Edge) -> Result<Arc<Hub>, Problem> {
        let mut shared = self.hub.lock().await;
        if let Some(hub) = shared.upgrade() {
            return Ok(hub);
        }
        let hub = Arc::new(Hub::start(edge).await.map_err(|_| Code::BusUnavailable)?);
        *shared = Arc::downgrade(&hub);
        Ok(hub)
    }
}

impl Reach {
    /// Where the ledger ends now.
    async fn ledger_end(&self, asker: &Asker, patience: Duration) -> Result<u64, Problem> {
        // No event: only what is said beside them.
        let list = ListEvents { through: Some(0), ..ListEvents::default() };
        self.events_within(patience, asker, &list).await.map(|page| page.end)
    }
}
