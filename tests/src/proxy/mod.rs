//! A TCP proxy that breaks connections in the ways networks and servers do.

mod connection;
mod control;
#[cfg(test)]
mod tests;
mod trap;

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

use self::control::{Control, Gate};
pub use self::trap::{Action, Trap};
use crate::port::free_port;

/// How long a change may take to reach every connection.
const SETTLE_LIMIT: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(1);

/// Stands in front of a server. It runs on a thread of its own, so that a test that blocks does not stop it.
#[derive(Debug)]
pub struct Proxy {
    addr: SocketAddr,
    control: Arc<Control>,
    /// `None` only while it is dropped.
    runtime: Option<Runtime>,
}

impl Proxy {
    /// Listens on a free port and passes everything on to `upstream`.
    #[must_use]
    pub fn start(upstream: SocketAddr) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let addr = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let control = Arc::<Control>::default();
        runtime.spawn(listen(addr, upstream, Arc::clone(&control)));
        let proxy = Self { addr, control, runtime: Some(runtime) };
        proxy.settle(|control| control.listening());
        proxy
    }

    /// Where clients connect.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// How many connections are open.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.control.connections()
    }

    /// How many answers have been swallowed so far, and their connections closed for it.
    #[must_use]
    pub fn swallowed(&self) -> usize {
        self.control.swallowed()
    }

    /// Closes every connection and refuses new ones.
    pub fn cut(&self) {
        self.control.change(|mode| mode.gate = Gate::Cut);
        self.settle(|control| !control.listening() && control.connections() == 0);
    }

    /// Closes every connection once; new ones are welcome.
    pub fn drop_connections(&self) {
        self.cut();
        self.control.change(|mode| mode.gate = Gate::Open);
        self.settle(Control::listening);
    }

    /// Accepts, and passes nothing in either direction: a server that hangs, a network that swallows.
    pub fn freeze(&self) {
        self.control.change(|mode| mode.gate = Gate::Frozen);
    }

    /// Passes everything later by this much, in each direction.
    pub fn delay(&self, delay: Duration) {
        self.control.change(|mode| mode.delay = delay);
    }

    /// What a client sends reaches the server; what the server answers is dropped, and the connection then closed.
    /// So the client cannot know what became of its request: a COMMIT of unknown outcome.
    pub fn swallow_answers(&self) {
        self.control.change(|mode| mode.swallow = true);
    }

    /// Ends [`Self::cut`], [`Self::freeze`], [`Self::delay`] and [`Self::swallow_answers`]. Traps stay armed.
    pub fn heal(&self) {
        self.control.change(|mode| *mode = control::Mode::default());
        self.settle(Control::listening);
    }

    /// Once, when a client sends something that contains `pattern`, does `action`.
    ///
    /// A statement's text crosses the wire only when it is prepared; look for the data (a room's name) instead.
    pub fn on_client_bytes(&self, pattern: &[u8], action: Action) -> Trap {
        self.on_nth_client_bytes(1, pattern, action)
    }

    /// As [`Self::on_client_bytes`], for the `nth` piece of data with the pattern in it: what a batch reads is asked
    /// for with the same words as what it then writes. The first is 1.
    pub fn on_nth_client_bytes(&self, nth: usize, pattern: &[u8], action: Action) -> Trap {
        self.control.traps.arm(nth, pattern, action)
    }

    fn settle(&self, reached: impl Fn(&Control) -> bool) {
        let deadline = Instant::now() + SETTLE_LIMIT;
        while !reached(&self.control) {
            assert!(Instant::now() < deadline, "the proxy does not do what it is told: {:?}", self.control);
            thread::sleep(POLL);
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // In the background, because a runtime may not wait for another one's end.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn listen(addr: SocketAddr, upstream: SocketAddr, control: Arc<Control>) {
    let mut mode = control.watch();
    loop {
        let Ok(listener) = TcpListener::bind(addr).await else {
            tokio::time::sleep(POLL).await;
            continue;
        };
        control.set_listening(true);
        loop {
            tokio::select! {
                _ = mode.wait_for(|mode| mode.gate == Gate::Cut) => break,
                accepted = listener.accept() => if let Ok((client, _)) = accepted {
                    tokio::spawn(connection::run(client, upstream, Arc::clone(&control), control.enter()));
                }
            }
        }
        drop(listener);
        control.set_listening(false);
        if mode.wait_for(|mode| mode.gate != Gate::Cut).await.is_err() {
            return;
        }
    }
}
