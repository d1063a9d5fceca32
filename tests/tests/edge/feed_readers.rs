//! Those who watch, as a burden: how many there may be, and what one who reads nothing costs.

use std::fs;
use std::time::{Duration, Instant};

use avanzacast_tests::{LoneEdge, Nats, eventually, require};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What an edge has room for.
const READERS: usize = 128;

/// Asks for events and reads no more than the head of the answer.
async fn stall(lone: &LoneEdge) -> TcpStream {
    let mut stream = TcpStream::connect(lone.edge.addr()).await.unwrap();
    let secret = lone.secret();
    let request = format!("GET /api/events?after=0 HTTP/1.1\r\nhost: x\r\nx-backend-secret: {secret}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = [0; 12];
    stream.read_exact(&mut head).await.unwrap();
    assert_eq!(&head, b"HTTP/1.1 200");
    stream
}

/// What the edge keeps in memory: KiB.
fn memory(lone: &LoneEdge) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", lone.edge.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Events that together are more than what a connection holds by itself.
async fn many(lone: &LoneEdge, mib: usize) -> usize {
    let filling = "x".repeat(30_000);
    let count = mib * 1024 * 1024 / filling.len();
    for number in 0..count {
        lone.record.happens("session.consumed", json!({"n": number, "filling": filling})).await;
    }
    count
}

/// Promise: whoever reads nothing holds nobody up, is not kept in memory, and is cut off.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_reads_nothing_is_cut_off() {
    require!(Nats::available());
    let lone = LoneEdge::start(&[]).await;
    lone.record.happens("session.consumed", json!({})).await;
    let mut good = lone.watch("", None).await;
    let before = memory(&lone);
    let mut stalled = Vec::new();
    for _ in 0..10 {
        stalled.push(stall(&lone).await);
    }
    let count = many(&lone, 64).await;
    let began = Instant::now();
    assert_eq!(good.take(count).await.last().unwrap().id, (count + 1).to_string());
    assert!(began.elapsed() < Duration::from_secs(8), "held up by others: {:?}", began.elapsed());
    let grown = memory(&lone).saturating_sub(before) / 1024;
    // What comes is shared, up to 4096 events; each reader has two pieces of its own.
    assert!(grown < 200, "{grown} MiB for readers of 64 MiB each");
    let cut = || lone.edge.logs().iter().filter(|line| line.contains("was cut off")).count();
    eventually("all are cut off", async || cut() == stalled.len()).await;
    for stream in &mut stalled {
        let mut rest = Vec::new();
        let read = tokio::time::timeout(Duration::from_secs(30), stream.read_to_end(&mut rest)).await;
        let whole = rest.len() > 63 * 1024 * 1024;
        assert!(read.is_ok() && !whole, "not cut off: {} bytes", rest.len());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_room_for_so_many_and_then_again() {
    require!(Nats::available());
    let lone = LoneEdge::start(&[]).await;
    let mut readers = Vec::new();
    for _ in 0..READERS {
        readers.push(lone.watch("", None).await);
    }
    let api = lone.api().with_secret(lone.secret());
    let busy = api.get("/api/events").await.problem(503, "busy");
    assert!(busy.header("retry-after").is_some());
    lone.record.happens("session.consumed", json!({})).await;
    assert_eq!(readers[READERS - 1].take(1).await[0].id, "1");
    readers.pop();
    eventually("there is room again", async || api.get("/api/events").await.status == 200).await;
}

/// Promise: nobody who watches holds up the end of the process, not even who does not read.
#[tokio::test(flavor = "multi_thread")]
async fn streams_end_with_the_process() {
    require!(Nats::available());
    let lone = LoneEdge::start(&[]).await;
    lone.record.happens("session.consumed", json!({})).await;
    let mut reader = lone.watch("", None).await;
    let _stalled = stall(&lone).await;
    many(&lone, 16).await;
    let mut idle = lone.watch("", None).await;
    let began = Instant::now();
    assert!(lone.edge.terminate().success());
    assert!(began.elapsed() < Duration::from_secs(4), "held up: {:?}", began.elapsed());
    // What was under way may still come, and then an end.
    while idle.next().await.is_some() {}
    while reader.next().await.is_some() {}
}
