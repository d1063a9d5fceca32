//! The HTTP edge. It has no database credential and no LiveKit secret: it validates, publishes a command, awaits the
//! reply within a deadline, and reads the session cache.

mod ask;
mod body;
mod context;
mod idempotency;
mod page;
mod params;
mod problem;
mod routes;

use std::{net::SocketAddr, sync::Arc};

use avanzacast_kit::{
    bus::{Bus, CacheReader, Caller},
    config::HttpConfig,
    lifecycle::Lifecycle,
};
use axum::{
    Router, middleware,
    routing::{get, post},
    serve::ListenerExt,
};
use tokio::net::TcpListener;
use tower_http::catch_panic::CatchPanicLayer;

/// What every handler can reach: cloned for every request, so behind one pointer.
type Edge = Arc<Reach>;

#[derive(Debug)]
struct Reach {
    caller: Caller,
    cache: CacheReader,
    life: Lifecycle,
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
    pub async fn serve(self, bus: Bus, life: &Lifecycle) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let caller = Caller::start(bus, life).await?;
        let cache = CacheReader::new(caller.clone());
        let edge = Arc::new(Reach { cache, caller, life: life.clone() });
        let router = router(edge);
        let listener = self.listener.tap_io(|connection| {
            // Answers are small and written whole: waiting to fill a packet only delays them.
            if let Err(error) = connection.set_nodelay(true) {
                tracing::debug!(%error, "nodelay");
            }
        });
        let stopping = life.stopping();
        life.essential("answering HTTP", async move {
            let serving = axum::serve(listener, router).with_graceful_shutdown(stopping.cancelled_owned());
            if let Err(error) = serving.await {
                tracing::error!(%error, "HTTP ended");
            }
        });
        tracing::info!(addr = %self.address, "listening");
        Ok(())
    }
}

fn router(edge: Edge) -> Router {
    Router::new()
        .route("/api/session", post(routes::session_create::handle))
        .route("/api/session/{id}", get(routes::session_get::handle))
        .route("/api/session/{id}/consume", post(routes::session_consume::handle))
        .route("/api/users", post(routes::user_create::handle))
        .route("/api/users/{id}", get(routes::user_get::handle))
        .route("/api/broadcasts", post(routes::broadcast_create::handle).get(routes::broadcast_list::handle))
        .route("/api/broadcasts/{id}", get(routes::broadcast_get::handle))
        .route("/api/broadcasts/{id}/start", post(routes::broadcast_start::handle))
        .route("/api/broadcasts/{id}/end", post(routes::broadcast_end::handle))
        .route("/health", get(routes::health::handle))
        .route("/livez", get(routes::livez::handle))
        .route("/readyz", get(routes::readyz::handle))
        .fallback(problem::not_found)
        .method_not_allowed_fallback(problem::method_not_allowed)
        .layer(CatchPanicLayer::custom(problem::panicked))
        .layer(middleware::from_fn(context::wrap))
        .with_state(edge)
}
