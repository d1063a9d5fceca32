use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use super::{Action, Proxy};
use crate::Postgres;

/// Answers every piece of data with the same data, and remembers it.
fn echo() -> (SocketAddr, Arc<Mutex<Vec<u8>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let seen = Arc::<Mutex<Vec<u8>>>::default();
    let remembered = Arc::clone(&seen);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, seen) = (stream.unwrap(), Arc::clone(&seen));
            thread::spawn(move || {
                let mut buffer = [0; 1024];
                while let Ok(length @ 1..) = stream.read(&mut buffer) {
                    seen.lock().unwrap().extend_from_slice(&buffer[..length]);
                    drop(stream.write_all(&buffer[..length]));
                }
            });
        }
    });
    (addr, remembered)
}

fn connect(proxy: &Proxy) -> TcpStream {
    let stream = TcpStream::connect(proxy.addr()).unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    stream
}

/// What comes back for `text`: the same, nothing (the connection ended), or an error.
fn ask(stream: &mut TcpStream, text: &str) -> Result<String, ErrorKind> {
    stream.write_all(text.as_bytes()).map_err(|error| error.kind())?;
    let mut buffer = [0; 1024];
    let length = stream.read(&mut buffer).map_err(|error| error.kind())?;
    Ok(String::from_utf8(buffer[..length].to_vec()).unwrap())
}

#[test]
fn cut_closes_and_refuses_until_healed() {
    let proxy = Proxy::start(echo().0);
    let mut stream = connect(&proxy);
    assert_eq!(ask(&mut stream, "a").unwrap(), "a");
    assert_eq!(proxy.connections(), 1);
    proxy.cut();
    assert_ne!(ask(&mut stream, "b").as_deref(), Ok("b"));
    assert_eq!(TcpStream::connect(proxy.addr()).unwrap_err().kind(), ErrorKind::ConnectionRefused);
    proxy.heal();
    assert_eq!(ask(&mut connect(&proxy), "c").unwrap(), "c");
    proxy.drop_connections();
    assert_eq!(proxy.connections(), 0);
    assert_eq!(ask(&mut connect(&proxy), "d").unwrap(), "d");
}

#[test]
fn frozen_it_accepts_and_passes_nothing() {
    let (upstream, seen) = echo();
    let proxy = Proxy::start(upstream);
    let mut old = connect(&proxy);
    assert_eq!(ask(&mut old, "a").unwrap(), "a");
    proxy.freeze();
    assert_eq!(ask(&mut old, "b").unwrap_err(), ErrorKind::WouldBlock);
    let mut new = connect(&proxy);
    assert_eq!(ask(&mut new, "c").unwrap_err(), ErrorKind::WouldBlock);
    assert_eq!(*seen.lock().unwrap(), b"a");
    proxy.heal();
    let mut buffer = [0; 1];
    old.read_exact(&mut buffer).unwrap();
    assert_eq!(&buffer, b"b");
}

#[test]
fn delay_counts_in_each_direction() {
    let proxy = Proxy::start(echo().0);
    let mut stream = connect(&proxy);
    assert_eq!(ask(&mut stream, "a").unwrap(), "a");
    proxy.delay(Duration::from_millis(100));
    let began = Instant::now();
    assert_eq!(ask(&mut stream, "b").unwrap(), "b");
    assert!(began.elapsed() >= Duration::from_millis(200), "{:?}", began.elapsed());
}

#[test]
fn a_swallowed_answer_was_given_by_a_server_that_saw_the_question() {
    let (upstream, seen) = echo();
    let proxy = Proxy::start(upstream);
    proxy.swallow_answers();
    assert_eq!(ask(&mut connect(&proxy), "a").as_deref(), Ok(""));
    assert_eq!(*seen.lock().unwrap(), b"a");
    assert_eq!(proxy.swallowed(), 1);
    proxy.heal();
    assert_eq!(ask(&mut connect(&proxy), "b").unwrap(), "b");
    assert_eq!(proxy.swallowed(), 1);
}

#[test]
fn a_trap_springs_once_on_a_pattern_in_two_pieces() {
    let (upstream, seen) = echo();
    let proxy = Proxy::start(upstream);
    let called = Arc::<AtomicBool>::default();
    let set = Arc::clone(&called);
    let trap = proxy.on_client_bytes(b"COMMIT", Action::swallow_then(move || set.store(true, Ordering::SeqCst)));
    let mut stream = connect(&proxy);
    assert_eq!(ask(&mut stream, "x COM").unwrap(), "x COM");
    assert!(!trap.sprung());
    assert_eq!(ask(&mut stream, "MIT").as_deref(), Ok(""));
    trap.wait();
    assert!(called.load(Ordering::SeqCst));
    assert_eq!(*seen.lock().unwrap(), b"x COMMIT");
    assert_eq!(ask(&mut connect(&proxy), "COMMIT").unwrap(), "COMMIT");
}

#[test]
fn the_second_time_it_cuts_before_the_server_sees_it() {
    let (upstream, seen) = echo();
    let proxy = Proxy::start(upstream);
    let trap = proxy.on_nth_client_bytes(2, b"room", Action::Cut);
    let mut stream = connect(&proxy);
    assert_eq!(ask(&mut stream, "read room").unwrap(), "read room");
    assert_ne!(ask(&mut stream, "write room").as_deref(), Ok("write room"));
    trap.wait();
    assert_eq!(*seen.lock().unwrap(), b"read room");
}

#[test]
fn a_commit_of_unknown_outcome() {
    crate::require!(Postgres::available());
    let cluster = Postgres::shared();
    cluster.create_database("unknown");
    cluster.query("unknown", "CREATE TABLE t (n int)");
    let proxy = Proxy::start(cluster.addr());
    let write = |n: u8| cluster.try_query_via(proxy.addr(), "unknown", &format!("INSERT INTO t VALUES ({n})"));
    let lost = proxy.on_client_bytes(b"VALUES (1)", Action::Swallow(None));
    let never = proxy.on_client_bytes(b"VALUES (2)", Action::Cut);
    assert!(write(1).is_err() && write(2).is_err());
    lost.wait();
    never.wait();
    write(3).unwrap();
    assert_eq!(cluster.query("unknown", "SELECT n FROM t ORDER BY n"), "1\n3");
}
