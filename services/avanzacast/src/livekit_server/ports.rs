//! Where it listens.

use std::{
    io,
    net::{Ipv4Addr, TcpListener, UdpSocket},
};

/// LiveKit's own port, which people expect and other tools try first.
const USUAL: u16 = 7880;

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
