//! Where it listens.

use std::{
    fs::{self, File},
    io,
    net::{Ipv4Addr, TcpListener, UdpSocket},
    time::{Duration, Instant},
};

use crate::{nats_server::default_cache_dir, private_server::POLL};

/// LiveKit's own port, which people expect and other tools try first.
const USUAL: u16 = 7880;

/// How long to wait for one that starts: it may take as long before it is given up.
const TURN_LIMIT: Duration = Duration::from_secs(15);

/// Its ports on 127.0.0.1.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ports {
    /// For HTTP and WebSockets.
    pub(super) http: u16,
    /// For media.
    pub(super) udp: u16,
}

impl Ports {
    /// Ports that nobody has at this moment. It cannot be told to take any free one itself (livekit-server takes 0 for
    /// its default).
    pub(super) fn free() -> io::Result<Self> {
        let tcp = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port))?.local_addr();
        let http = tcp(USUAL).or_else(|_| tcp(0))?.port();
        let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        Ok(Self { http, udp })
    }
}

/// The right to choose, until dropped: between choosing a port and listening there passes a moment in which another
/// process would choose the same, and then take the other's server for its own. Without a place for the lock, or when
/// it takes too long, one goes without.
pub(super) async fn turn() -> Option<File> {
    let dir = default_cache_dir();
    fs::create_dir_all(&dir).ok()?;
    let lock = File::create(dir.join("livekit-ports.lock")).ok()?;
    let until = Instant::now() + TURN_LIMIT;
    while lock.try_lock().is_err() {
        if Instant::now() >= until {
            return None;
        }
        tokio::time::sleep(POLL).await;
    }
    Some(lock)
}
