//! Connections: HTTP/1 and HTTP/2, told apart by their first bytes, each in a task of its own.
//!
//! In place of `axum::serve`, which waits for a request's headers for ever: connections that say nothing would fill the
//! process's table of open files.

use std::{
    convert::Infallible,
    net::SocketAddr,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, Request},
    response::Response,
    routing::future::RouteFuture,
    serve::Listener,
};
use hyper::{
    body::Incoming,
    rt::{Sleep, Timer},
};
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
/// How often each connection looks whether that time is up.
const LOOK: Duration = Duration::from_secs(2);

/// Answers requests until told to stop; then takes no more, and returns when those in hand are answered.
pub(crate) async fn serve(mut listener: TcpListener, router: Router, stopping: CancellationToken) {
    let builder = builder();
    let connections = TaskTracker::new();
    loop {
        let (stream, peer) = tokio::select! {
            accepted = Listener::accept(&mut listener) => accepted,
            () = stopping.cancelled() => break,
        };
        let service = PerConnection { router: router.clone(), peer, asked: Arc::default(), hangup: Hangup::default() };
        connections.spawn(connection(builder.clone(), stream, service, stopping.clone()));
    }
    drop(listener);
    connections.close();
    connections.wait().await;
}

fn builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(Looked).header_read_timeout(HEADERS);
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
    let (asked, hangup) = (Arc::clone(&service.asked), service.hangup.clone());
    let mut serving = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let start = Instant::now();
    let mut look = tokio::time::interval_at((start + LOOK).into(), LOOK);
    let mut told = false;
    loop {
        tokio::select! {
            biased;
            ended = serving.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(error, "connection");
                }
                break;
            }
            () = hangup.0.cancelled() => break,
            () = stopping.cancelled(), if !told => {
                told = true;
                serving.as_mut().graceful_shutdown();
            }
            _ = look.tick() => {
                // The library's own limit begins only when it knows which HTTP is spoken.
                if !asked.load(Ordering::Relaxed) && start.elapsed() >= HEADERS {
                    break;
                }
            }
        }
    }
}

/// A clock for moments that somebody comes to look at: nobody is woken, because every connection is, all the time
/// ([`LOOK`]). A timer of the runtime's would be made and dropped for each request, which nobody needs so exactly.
#[derive(Debug, Clone, Copy)]
struct Looked;

struct Moment(Instant);

impl Timer for Looked {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until(Instant::now() + duration)
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        Box::pin(Moment(deadline))
    }
}

impl Sleep for Moment {}

impl Future for Moment {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if Instant::now() >= self.0 { Poll::Ready(()) } else { Poll::Pending }
    }
}

/// The router, for the requests of one connection.
struct PerConnection {
    router: Router,
    peer: SocketAddr,
    /// Whether a request has come.
    asked: Arc<AtomicBool>,
    hangup: Hangup,
}

/// Cuts a connection: the only way out of an answer that its reader does not take.
#[derive(Debug, Clone, Default)]
pub(crate) struct Hangup(CancellationToken);

impl Hangup {
    /// Cuts it.
    pub(crate) fn now(&self) {
        self.0.cancel();
    }
}

impl hyper::service::Service<hyper::Request<Incoming>> for PerConnection {
    type Response = Response;
    type Error = Infallible;
    type Future = RouteFuture<Infallible>;

    fn call(&self, request: hyper::Request<Incoming>) -> Self::Future {
        self.asked.store(true, Ordering::Relaxed);
        let mut request: Request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(self.peer));
        request.extensions_mut().insert(self.hangup.clone());
        // A router is always ready.
        self.router.clone().call(request)
    }
}
