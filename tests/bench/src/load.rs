//! The load: so many connections, each with one request under way at all times.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use avanzacast_tests::Api;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Method, Request, client::conn::http1::SendRequest};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::{net::TcpStream, task::JoinSet};

/// What is asked.
#[derive(Debug, Clone)]
pub(crate) enum Job {
    /// `POST /api/session`
    Create,
    /// `GET` of these paths, in turn.
    Read(Arc<Vec<String>>),
}

impl Job {
    fn request(&self, address: SocketAddr, turn: usize) -> (Request<Full<Bytes>>, u16) {
        let request = Request::builder().header("host", address.to_string());
        let (request, body, expected) = match self {
            Self::Create => {
                let request = request.method(Method::POST).uri("/api/session");
                let request = request.header("content-type", "application/json");
                (request, Bytes::from_static(br#"{"room":"demo","username":"Ana"}"#), 201)
            }
            Self::Read(paths) => (request.uri(&paths[turn % paths.len()]), Bytes::new(), 200),
        };
        (request.body(Full::new(body)).unwrap(), expected)
    }
}

/// How a job is asked for.
#[derive(Debug)]
pub(crate) struct Load {
    pub(crate) address: SocketAddr,
    pub(crate) connections: usize,
    pub(crate) job: Job,
    pub(crate) duration: Duration,
}

/// What came of it.
#[derive(Debug, Clone)]
pub(crate) struct Outcome {
    pub(crate) per_second: f64,
    pub(crate) requests: u64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
}

impl Load {
    /// Asks, and panics at the first answer that is not the expected one: a failed request is no measurement.
    pub(crate) async fn run(self) -> Outcome {
        let (start, mut connections) = (Instant::now(), JoinSet::new());
        for number in 0..self.connections {
            let (address, job, end) = (self.address, self.job.clone(), start + self.duration);
            connections.spawn(async move {
                let mut sender = connect(address).await;
                let (mut times, mut turn) = (Vec::new(), number * 7919);
                while Instant::now() < end {
                    let asked = Instant::now();
                    ask(&mut sender, &job, address, turn).await;
                    times.push(u32::try_from(asked.elapsed().as_micros()).unwrap_or(u32::MAX));
                    turn += 1;
                }
                times
            });
        }
        let mut times: Vec<u32> = connections.join_all().await.into_iter().flatten().collect();
        let elapsed = start.elapsed().as_secs_f64();
        times.sort_unstable();
        let at = |share: f64| f64::from(times[((times.len() - 1) as f64 * share) as usize]) / 1000.0;
        Outcome {
            per_second: times.len() as f64 / elapsed,
            requests: times.len() as u64,
            p50_ms: at(0.5),
            p99_ms: at(0.99),
        }
    }
}

async fn connect(address: SocketAddr) -> SendRequest<Full<Bytes>> {
    let stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    sender
}

async fn ask(sender: &mut SendRequest<Full<Bytes>>, job: &Job, address: SocketAddr, turn: usize) {
    let (request, expected) = job.request(address, turn);
    sender.ready().await.unwrap();
    let response = sender.send_request(request).await.unwrap();
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(status, expected, "{}", String::from_utf8_lossy(&body));
}

/// Sessions that live long enough to be read throughout, by path.
pub(crate) async fn make_sessions(edge: SocketAddr, count: usize) -> Arc<Vec<String>> {
    let api = Api::new(edge);
    let mut paths = Vec::with_capacity(count);
    for _ in 0..count {
        let body = json!({"room": "demo", "username": "Ana", "ttl": 3600});
        let created = api.post("/api/session", &body).await.expect(201);
        paths.push(format!("/api/session/{}", created.str("id")));
    }
    Arc::new(paths)
}

/// So many sessions, as fast as they are taken.
pub(crate) async fn make_many(edge: SocketAddr, mut left: u64) {
    while left > 0 {
        let load = Load { address: edge, connections: 128, job: Job::Create, duration: Duration::from_secs(10) };
        left = left.saturating_sub(load.run().await.requests);
    }
}
