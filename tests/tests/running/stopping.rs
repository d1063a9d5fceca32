//! Promise: whoever is told to stop stops, well, whatever the other ends of its connections do.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use avanzacast_tests::{LoneEdge, Nats, Process, Stack, TokenServer, require};

/// Well below the 8 s that work in hand is given.
const SOON: Duration = Duration::from_secs(4);
/// When even a body that was begun is given up.
const LIMIT: Duration = Duration::from_millis(7_900);

/// Connections that sent this, and say no more; each has been seen by the server.
fn begun(server: SocketAddr, sent: &[&[u8]]) -> Vec<TcpStream> {
    let mut streams = Vec::new();
    for sent in sent {
        let mut stream = TcpStream::connect(server).unwrap();
        stream.write_all(sent).unwrap();
        streams.push(stream);
    }
    std::thread::sleep(Duration::from_millis(300));
    streams
}

fn stops(process: &Process, limit: Duration) {
    let start = Instant::now();
    let status = process.terminate();
    assert!(status.success(), "{status}");
    assert!(start.elapsed() < limit, "{:?}", start.elapsed());
}

const HALF: &[&[u8]] =
    &[b"", b"GET /livez HT", b"GET /livez HTTP/1.1\r\nhost: x\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"];
const BODY: &[u8] = b"POST /api/session HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
    content-length: 50\r\n\r\n{\"room\"";
const SECOND: &[u8] = b"GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\nGET /livez HT";

#[tokio::test(flavor = "multi_thread")]
async fn half_a_request_holds_up_no_stop() {
    require!(Nats::available());
    let stack = Stack::sqlite().await;
    let server = TokenServer::start(&stack);
    let silent = (begun(server.process.addr(), HALF), begun(stack.edges[0].addr(), HALF));
    stops(&server.process, SOON);
    stops(&stack.edges[0], LIMIT);
    drop(silent);
    let lone = LoneEdge::start(&[]).await;
    let silent = begun(lone.edge.addr(), HALF);
    stops(&lone.edge, SOON);
    drop(silent);
}

/// An answer was given, or is waited for: they are given their time, and no more than that.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_does_not_arrive_whole_makes_no_stop_a_failure() {
    require!(Nats::available());
    let lone = LoneEdge::start(&[]).await;
    let mut silent = begun(lone.edge.addr(), &[BODY, SECOND]);
    stops(&lone.edge, LIMIT);
    let mut answer = String::new();
    drop(silent[1].read_to_string(&mut answer));
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
}
