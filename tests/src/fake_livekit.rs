//! Something at LiveKit's address that is not LiveKit, or is not well: only for what the real one cannot be made to do.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};

/// A request's head is smaller, also with a token of 20 KB in it.
const LONGEST_HEAD: usize = 256 * 1024;
/// What is no answer in any protocol that anybody speaks here.
const GARBAGE: &[u8] = b"\x16\x03\x01 220 smtp.example.test ESMTP\r\n\x00\xff\xfe not HTTP at all\r\n";

/// What it does with every request.
#[derive(Debug, Clone)]
pub enum Mood {
    /// 200 and `success`, as LiveKit says when it would let the token in.
    Success,
    /// This status and body.
    Status(u16, String),
    /// 200 and `success`, this much later.
    Slow(Duration),
    /// The head at once, the body never.
    HalfAnswer,
    /// Bytes that are not HTTP.
    Garbage,
    /// The connection is closed as soon as the request is read.
    Close,
    /// 302 to this address.
    Redirect(String),
    /// 401, with the whole token in the body, as livekit-server up to v1.13.5 does (`pkg/service/auth.go`).
    EchoesToken,
}

/// What it was asked.
#[derive(Debug, Clone)]
pub struct Asked {
    /// `GET`.
    pub method: String,
    /// Without the query.
    pub path: String,
    /// What follows the `?`, or nothing.
    pub query: String,
    /// The header `Authorization`, when there is one.
    pub authorization: Option<String>,
    /// Request line and headers as they came.
    pub head: String,
}

/// Listens on 127.0.0.1, on a thread of its own.
#[derive(Debug)]
pub struct FakeLiveKit {
    addr: SocketAddr,
    shared: Arc<Shared>,
    /// `None` only while it is dropped.
    runtime: Option<Runtime>,
}

#[derive(Debug)]
struct Shared {
    mood: Mutex<Mood>,
    asked: Mutex<Vec<Asked>>,
}

impl FakeLiveKit {
    /// On a free port.
    #[must_use]
    pub fn start(mood: Mood) -> Self {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        listener.set_nonblocking(true).expect("a socket that does not block");
        let addr = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared { mood: Mutex::new(mood), asked: Mutex::default() });
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        runtime.spawn(listen(listener, Arc::clone(&shared)));
        Self { addr, shared, runtime: Some(runtime) }
    }

    /// What it does from now on.
    pub fn set(&self, mood: Mood) {
        *lock(&self.shared.mood) = mood;
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// `LIVEKIT_URL`.
    #[must_use]
    pub fn environment(&self) -> Vec<(String, String)> {
        vec![("LIVEKIT_URL".to_owned(), format!("ws://{}", self.addr))]
    }

    /// Everything it was asked so far, in order, but for `GET /`: whoever watches its health does so all the time.
    #[must_use]
    pub fn asked(&self) -> Vec<Asked> {
        lock(&self.shared.asked).iter().filter(|asked| asked.path != "/").cloned().collect()
    }

    /// The same, and forgets it.
    #[must_use]
    pub fn take_asked(&self) -> Vec<Asked> {
        let asked = std::mem::take(&mut *lock(&self.shared.asked));
        asked.into_iter().filter(|asked| asked.path != "/").collect()
    }
}

impl Drop for FakeLiveKit {
    fn drop(&mut self) {
        // In the background, because a runtime may not wait for another one's end.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn listen(listener: std::net::TcpListener, shared: Arc<Shared>) {
    let listener = TcpListener::from_std(listener).expect("a runtime of its own");
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(converse(stream, Arc::clone(&shared)));
    }
}

/// One request, one answer, and the end.
async fn converse(mut stream: TcpStream, shared: Arc<Shared>) {
    let Some(asked) = read_head(&mut stream).await else { return };
    let mood = lock(&shared.mood).clone();
    lock(&shared.asked).push(asked.clone());
    if let Mood::Slow(delay) = mood {
        tokio::time::sleep(delay).await;
    }
    drop(stream.write_all(&answer(&mood, &asked)).await);
    if matches!(mood, Mood::HalfAnswer) {
        // Until the other side has had enough.
        drop(stream.read(&mut [0; 1]).await);
    }
    drop(stream.shutdown().await);
}

fn answer(mood: &Mood, asked: &Asked) -> Vec<u8> {
    match mood {
        Mood::Success | Mood::Slow(_) => http(200, "", "success"),
        Mood::Status(status, body) => http(*status, "", body),
        Mood::HalfAnswer => b"HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\n".to_vec(),
        Mood::Garbage => GARBAGE.to_vec(),
        Mood::Close => Vec::new(),
        Mood::Redirect(to) => http(302, &format!("location: {to}\r\n"), ""),
        Mood::EchoesToken => {
            let token = asked.authorization.as_deref().unwrap_or_default();
            let body = format!("invalid token: {}, error: token is expired", token.trim_start_matches("Bearer "));
            http(401, "", &body)
        }
    }
}

fn http(status: u16, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status} Fake\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}").into()
}

async fn read_head(stream: &mut TcpStream) -> Option<Asked> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() > LONGEST_HEAD {
            return None;
        }
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).ok()?;
    let mut words = head.lines().next()?.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?);
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let header = |wanted: &str| {
        let values = head.lines().filter_map(|line| line.split_once(": "));
        values.filter(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value.to_owned()).next()
    };
    let (path, query, authorization) = (path.to_owned(), query.to_owned(), header("authorization"));
    Some(Asked { method, path, query, authorization, head })
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
