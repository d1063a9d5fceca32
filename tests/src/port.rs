use std::net::TcpListener;
use std::ops::Range;

/// Below the range from which Linux and macOS take the ports of outgoing connections: a server that is killed and
/// started again must find its port still free.
const PORTS: Range<u16> = 15_000..32_000;
/// More tries than this do not all collide by chance.
const TRIES: usize = 200;

/// A port of 127.0.0.1 that nobody listens on now.
pub(crate) fn free_port() -> u16 {
    (0..TRIES)
        .map(|_| rand::random_range(PORTS))
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .expect("a free port on 127.0.0.1")
}
