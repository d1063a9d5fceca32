//! The HTTP edge. It has no database credential and no LiveKit secret: it validates, publishes a command, awaits the
//! reply within a deadline, and reads the session cache.

mod access;
mod address;
mod ask;
mod body;
mod console;
mod context;
mod cors;
mod credential;
mod description;
mod event_query;
mod feed;
mod guesses;
mod host;
mod list;
mod livekit;
mod metrics;
mod mint;
mod moments;
mod operation;
mod pages;
mod problem;
mod query;
mod rate;
mod record;
mod refused;
mod routes;
mod security;
mod tile;
mod webhook;

use std::{net::SocketAddr, sync::Arc};

use avanzacast_kit::{
    bus::{Bus, CacheReader, Caller, Inlet},
    config::{AccessConfig, BrowserConfig, HttpConfig, Origins, RateConfig},
    connections,
    lifecycle::Lifecycle,
    metrics::Exposition,
};
use axum::{Router, middleware, routing::get};
use tokio::net::TcpListener;
use tower_http::catch_panic::CatchPanicLayer;

use crate::{access::Gate, feed::Feed, livekit::LiveKit, pages::Pages, rate::Rates, refused::Refused};

pub use crate::{description::openapi, pages::LiveKitClient};

/// What every handler can reach: cloned for every request, so behind one pointer.
type Edge = Arc<Reach>;

#[derive(Debug)]
struct Reach {
    caller: Caller,
    cache: CacheReader,
    inlet: Inlet,
    life: Lifecycle,
    gate: Gate,
    rates: Rates,
    refused: Refused,
    feed: Feed,
    livekit: LiveKit,
    pages: Pages,
    /// Whether LiveKit Meet's own endpoint is served.
    meet: bool,
    /// Whether it is reached over HTTPS from outside.
    https: bool,
    metrics: Option<Exposition>,
}

/// What an edge is configured with, besides where it listens.
#[derive(Debug, Clone)]
pub struct EdgeConfig {
    /// Who may call.
    pub access: AccessConfig,
    /// How often.
    pub rates: RateConfig,
    /// What concerns browsers.
    pub browsers: BrowserConfig,
    /// What a browser connects to: `ws://` or `wss://`.
    pub livekit_ws_url: String,
    /// LiveKit's HTTP side.
    pub livekit_url: String,
    /// LiveKit's client, for the studio's page.
    pub client: LiveKitClient,
    /// What it serves as `GET /metrics` on its own address, if it does.
    pub metrics: Option<Exposition>,
}

/// An edge that has its address.
#[derive(Debug)]
pub struct Bound {
    listener: TcpListener,
    address: SocketAddr,
}

impl Bound {
    /// Takes the address; nothing is answered yet.
    ///
    /// # Errors
    /// The address is taken or not ours.
    pub async fn bind(config: &HttpConfig) -> std::io::Result<Self> {
        let address = config.listen;
        let listener = TcpListener::bind(address)
            .await
            .map_err(|error| std::io::Error::new(error.kind(), format!("cannot listen on {address}: {error}")))?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers requests until the process stops; requests in hand are finished.
    ///
    /// # Errors
    /// The bus connection is closed.
    pub async fn serve(
        self,
        config: EdgeConfig,
        bus: Bus,
        life: &Lifecycle,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let caller = Caller::start(bus, life).await?;
        let edge = Arc::new(Reach {
            cache: CacheReader::new(caller.clone()),
            inlet: Inlet::new(caller.clone()),
            caller,
            life: life.clone(),
            meet: config.access.meet,
            https: config.browsers.https,
            metrics: config.metrics,
            pages: Pages::new(&config.browsers, &config.livekit_ws_url, config.client),
            gate: Gate::new(config.access, config.browsers.own),
            rates: Rates::new(config.rates),
            refused: Refused::default(),
            feed: Feed::default(),
            livekit: LiveKit::new(&config.livekit_url)?,
        });
        edge.gate.warn();
        forget_quiet_clients(Arc::clone(&edge), life);
        let router = router(&edge, &config.browsers.origins);
        life.background(refused::keep_telling(Arc::clone(&edge), life.stopping()));
        let stopping = life.stopping();
        life.essential("answering HTTP", async move {
            connections::serve(self.listener, router, stopping).await;
            edge.tell_last_refused().await;
        });
        tracing::info!(addr = %self.address, "listening");
        Ok(())
    }
}

fn forget_quiet_clients(edge: Edge, life: &Lifecycle) {
    life.background(async move {
        loop {
            tokio::time::sleep(rate::FORGET).await;
            edge.rates.forget();
        }
    });
}

fn router(edge: &Edge, origins: &Origins) -> Router {
    let mut router = Router::new();
    for route in routes::all() {
        let (operation, method) = routes::complete(route);
        let admit = middleware::from_fn_with_state((Arc::clone(edge), operation), access::admit);
        router = router.route(operation.path, method.route_layer(admit));
    }
    if edge.metrics.is_some() {
        router = router.route("/metrics", get(metrics::handle));
    }
    router = router
        .fallback(problem::not_found)
        .method_not_allowed_fallback(problem::method_not_allowed)
        .layer(CatchPanicLayer::custom(problem::panicked))
        .layer(cors::layer(origins));
    if edge.gate.is_unlocked() {
        router = router.layer(middleware::from_fn_with_state(Arc::clone(edge), host::check));
    }
    router.layer(middleware::from_fn_with_state(Arc::clone(edge), context::wrap)).with_state(Arc::clone(edge))
}
