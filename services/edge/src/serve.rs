//! Connections: HTTP/1 and HTTP/2, told apart by their first bytes, each in a task of its own.
//!
//! In place of `axum::serve`, which waits for a request's headers for ever: connections that say nothing would fill the
//! process's table of open files.

use std::{
    convert::Infallible,
    net::SocketAddr,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, Request},
    response::Response,
    routing::future::RouteFuture,
    serve::Listener,
};
use hyper::body::Incoming;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto::Builder,
};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::Service;

/// How long a connection may take to send a request's headers, from its start or from the end of the answer before: so
/// it is also how long one may be kept for the next request.
const HEADERS: Duration = Duration::from_secs(10);

/// Answers requests until told to stop; then takes no more, and returns when those in hand are answered.
pub(crate) async fn serve(mut listener: TcpListener, router: Router, stopping: CancellationToken) {
    let builder = builder();
    let connections = TaskTracker::new();
    loop {
        let (stream, peer) = tokio::select! {
            accepted = Listener::accept(&mut listener) => accepted,
            () = stopping.cancelled() => break,
        };
        let service = PerConnection { router: router.clone(), peer, asked: Arc::default() };
        connections.spawn(connection(builder.clone(), stream, service, stopping.clone()));
    }
    drop(listener);
    connections.close();
    connections.wait().await;
}

fn builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADERS);
    builder.http2().timer(TokioTimer::new());
    builder
}

async fn connection(
    builder: Builder<TokioExecutor>,
    stream: TcpStream,
    service: PerConnection,
    stopping: CancellationToken,
) {
    // Answers are small and written whole: waiting to fill a packet only delays them.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "nodelay");
    }
    let asked = Arc::clone(&service.asked);
    let mut serving = pin!(builder.serve_connection(TokioIo::new(stream), service));
    // The library's own limit begins only when it knows which HTTP is spoken.
    let mut silence = pin!(tokio::time::sleep(HEADERS));
    let (mut told, mut looked) = (false, false);
    loop {
        tokio::select! {
            biased;
            ended = serving.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(error, "connection");
                }
                break;
            }
            () = stopping.cancelled(), if !told => {
                told = true;
                serving.as_mut().graceful_shutdown();
            }
            () = &mut silence, if !looked => {
                looked = true;
                if !asked.load(Ordering::Relaxed) {
                    break;
                }
            }
        }
    }
}

/// The router, for the requests of one connection.
struct PerConnection {
    router: Router,
    peer: SocketAddr,
    /// Whether a request has come.
    asked: Arc<AtomicBool>,
}

impl hyper::service::Service<hyper::Request<Incoming>> for PerConnection {
    type Response = Response;
    type Error = Infallible;
    type Future = RouteFuture<Infallible>;

    fn call(&self, request: hyper::Request<Incoming>) -> Self::Future {
        self.asked.store(true, Ordering::Relaxed);
        let mut request: Request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(self.peer));
        // A router is always ready.
        self.router.clone().call(request)
    }
}
