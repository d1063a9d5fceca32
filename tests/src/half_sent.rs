//! Connections that begin to ask, and then say nothing.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// How long a server keeps a connection that sends this and no more, and what it answers.
///
/// # Panics
/// When it takes no connection.
pub async fn kept(server: SocketAddr, sent: &[u8]) -> (Duration, Vec<u8>) {
    let mut stream = TcpStream::connect(server).await.unwrap();
    let start = Instant::now();
    stream.write_all(sent).await.unwrap();
    let mut answer = Vec::new();
    drop(stream.read_to_end(&mut answer).await);
    (start.elapsed(), answer)
}
