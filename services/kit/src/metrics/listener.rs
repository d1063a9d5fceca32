//! `GET /metrics` at an address of its own.

use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};

use http_body_util::Full;
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::{ALLOW, CONTENT_TYPE, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};

use super::Exposition;
use crate::{config::MetricsConfig, lifecycle::Lifecycle};

/// A scraper asks every few seconds; whoever holds more connections than this waits.
const CONNECTIONS: usize = 16;
/// A connection that sends no request for this long is ended: two of Prometheus' usual intervals (15 s) and some.
const IDLE: Duration = Duration::from_secs(40);
/// After a connection could not be taken (no file handles are left, for instance).
const RETRY: Duration = Duration::from_millis(500);

/// The address cannot be had.
#[derive(Debug, thiserror::Error)]
#[error(
    "METRICS_ADDR: cannot listen on {address}: {source}; name another address (port 0 takes a free one), or \
     METRICS_ADDR=off"
)]
pub struct MetricsAddressRefused {
    address: SocketAddr,
    source: std::io::Error,
}

impl Exposition {
    /// Serves at the configured address, if there is one, for as long as the process lives, and answers which it is.
    ///
    /// # Errors
    /// The address was asked for and is taken. One that nobody asked for is given up with a warning: of several
    /// processes on a machine only the first gets it.
    pub async fn listen(
        &self,
        config: &MetricsConfig,
        life: &Lifecycle,
    ) -> Result<Option<SocketAddr>, MetricsAddressRefused> {
        let Some(address) = config.listen else { return Ok(None) };
        let bound = async {
            let listener = TcpListener::bind(address).await?;
            let address = listener.local_addr()?;
            Ok((listener, address))
        };
        match bound.await {
            Ok((listener, address)) => {
                life.background(accept(listener, self.clone()));
                tracing::info!(addr = %address, "serving metrics");
                Ok(Some(address))
            }
            Err(source) if config.explicit => Err(MetricsAddressRefused { address, source }),
            Err(error) => {
                tracing::warn!(addr = %address, %error, "metrics are not served; METRICS_ADDR names another address");
                Ok(None)
            }
        }
    }
}

async fn accept(listener: TcpListener, exposition: Exposition) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    while let Ok(place) = Arc::clone(&places).acquire_owned().await {
        match listener.accept().await {
            Ok((connection, _)) => {
                let exposition = exposition.clone();
                tokio::spawn(async move {
                    converse(connection, &exposition).await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection for metrics was not taken");
                tokio::time::sleep(RETRY).await;
            }
        }
    }
}

async fn converse(connection: TcpStream, exposition: &Exposition) {
    let service = service_fn(async |request: Request<Incoming>| Ok::<_, Infallible>(answer(&request, exposition)));
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(IDLE);
    if let Err(error) = server.serve_connection(TokioIo::new(connection), service).await {
        tracing::debug!(%error, "a connection for metrics broke");
    }
}

fn answer(request: &Request<Incoming>, exposition: &Exposition) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    if request.uri().path() != "/metrics" {
        *response.status_mut() = StatusCode::NOT_FOUND;
    } else if request.method() != Method::GET && request.method() != Method::HEAD {
        *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    } else {
        *response.body_mut() = Full::from(exposition.render());
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(super::CONTENT_TYPE));
    }
    response
}
