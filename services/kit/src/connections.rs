//! Connections: HTTP/1 and HTTP/2, told apart by their first bytes, each in a task of its own.
//!
//! In place of `axum::serve`, which waits for a request's headers for ever: connections that say nothing would fill the
//! process's table of open files.

use std::{
    convert::Infallible,
    error::Error,
    io::ErrorKind,
    net::SocketAddr,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};

use bytes::Bytes;
use hyper::{
    Request, Response,
    body::{Body, Incoming},
    rt::{Sleep, Timer},
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto::Builder,
};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::Service;

use crate::lifecycle::GRACE;

/// How long a connection may take to send a request's headers, from its start or from the end of the answer before: so it is
/// also how long one may be kept for the next request. With [`LOOK`] it is less than [`GRACE`], as [`BODY_PATIENCE`] is: who
/// sends half a request holds up no stop.
const HEADERS: Duration = Duration::from_secs(5);
/// How long a request's body may take to arrive: longer, and it holds up a connection for nothing.
pub const BODY_PATIENCE: Duration = Duration::from_secs(5);
/// How long after a stop was asked for the last answers are waited for: one command's deadline of 5 s, and a moment to write
/// it. What is left of [`GRACE`] is for what else has to end.
const LAST_ANSWERS: Duration = Duration::from_secs(6);
/// How often each connection looks whether that time is up.
const LOOK: Duration = Duration::from_secs(2);
const _: () = assert!(
    HEADERS.as_secs() + LOOK.as_secs() < GRACE.as_secs()
        && BODY_PATIENCE.as_secs() < GRACE.as_secs()
        && LAST_ANSWERS.as_secs() < GRACE.as_secs(),
    "who is slow would hold up a stop"
);
/// After a connection could not be taken (no file handles are left, for instance).
const RETRY: Duration = Duration::from_millis(500);

/// Answers requests until told to stop; then takes no more, and returns when those in hand are answered. Readers and
/// senders who dawdle are not waited for: their slowness is no failure of ours.
pub async fn serve<S, B>(listener: TcpListener, service: S, stopping: CancellationToken)
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Future: Send,
    B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
{
    let builder = builder();
    let (connections, cut) = (TaskTracker::new(), CancellationToken::new());
    loop {
        let (stream, peer) = tokio::select! {
            accepted = accept(&listener) => accepted,
            () = stopping.cancelled() => break,
        };
        let (service, hangup) = (service.clone(), Hangup(cut.child_token()));
        let service = PerConnection { service, peer, asked: Arc::default(), hangup };
        connections.spawn(connection(builder.clone(), stream, service, stopping.clone()));
    }
    drop(listener);
    connections.close();
    if tokio::time::timeout(LAST_ANSWERS, connections.wait()).await.is_err() {
        tracing::warn!(connections = connections.len(), "connections were cut that had not ended");
        cut.cancel();
        connections.wait().await;
    }
}

/// The next connection that lives.
async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            // Its peer has left before it was taken, which is the peer's affair.
            Err(error)
                if [ErrorKind::ConnectionAborted, ErrorKind::ConnectionRefused, ErrorKind::ConnectionReset]
                    .contains(&error.kind()) => {}
            Err(error) => {
                tracing::error!(%error, "a connection was not taken");
                tokio::time::sleep(RETRY).await;
            }
        }
    }
}

fn builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(Looked).header_read_timeout(HEADERS);
    builder.http2().timer(TokioTimer::new());
    builder
}

async fn connection<S, B>(
    builder: Builder<TokioExecutor>,
    stream: TcpStream,
    service: PerConnection<S>,
    stopping: CancellationToken,
) where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Future: Send,
    B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
{
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
                // There is no answer to wait for.
                if !asked.load(Ordering::Relaxed) {
                    break;
                }
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

/// Where a request's connection comes from.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub SocketAddr);

/// Cuts a connection: the only way out of an answer that its reader does not take.
#[derive(Debug, Clone)]
pub struct Hangup(CancellationToken);

impl Hangup {
    /// Cuts it.
    pub fn now(&self) {
        self.0.cancel();
    }
}

/// The service, for the requests of one connection: each bears its [`Peer`] and its [`Hangup`].
struct PerConnection<S> {
    service: S,
    peer: SocketAddr,
    /// Whether a request has come.
    asked: Arc<AtomicBool>,
    hangup: Hangup,
}

impl<S: Service<Request<Incoming>> + Clone> hyper::service::Service<Request<Incoming>> for PerConnection<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        self.asked.store(true, Ordering::Relaxed);
        request.extensions_mut().insert(Peer(self.peer));
        request.extensions_mut().insert(self.hangup.clone());
        // A router is always ready.
        self.service.clone().call(request)
    }
}
