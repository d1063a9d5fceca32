//! A nats-server of our own, on loopback, for as long as we live.

use std::{collections::BTreeMap, fmt, future::Future, path::PathBuf};

use super::launch::Launch;
use crate::private_server::{PrivateServerError, Supervised, directory};

/// What to run, and where.
pub struct PrivateServerOptions {
    /// The nats-server program, as [`super::locate()`] answers it.
    pub program: PathBuf,
    /// The directory for everything of this server; made when it is not there. Holds `nats.conf`,
    /// `nats-server.log`, `nats-server.pid`, `nats-server.err` (what it said outside of its log) and `store/`.
    pub dir: PathBuf,
    /// The configuration, in nats-server's language. Address, port, store, log and pid file are given beside it.
    pub config: String,
    /// Variables that the configuration refers to as `$NAME`: passwords go here, not in the configuration. The
    /// value is read as configuration too, so a secret has to be letters and digits, starting with a letter.
    pub environment: BTreeMap<String, String>,
    /// The port on 127.0.0.1, or `None` for a free one.
    pub port: Option<u16>,
}

impl fmt::Debug for PrivateServerOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("PrivateServerOptions");
        debug.field("program", &self.program).field("dir", &self.dir).field("port", &self.port);
        debug.finish_non_exhaustive()
    }
}

/// A running nats-server that is started again, on the same port, when it dies.
///
/// Dropping it kills the server; [`PrivateServer::stop`] ends it in order.
#[derive(Debug)]
pub struct PrivateServer(Supervised);

impl PrivateServer {
    /// Ends what an earlier process left running on that store, starts the server, and waits until it answers.
    ///
    /// # Errors
    /// When the directory is not to be had, or the server does not come up.
    pub async fn start(options: PrivateServerOptions) -> Result<Self, PrivateServerError> {
        let dir = directory::make(&options.dir)?;
        let hold = directory::hold(&dir).await?;
        let port = options.port;
        Supervised::start(Launch::prepare(options, dir)?, port, hold).await.map(Self)
    }

    /// Where clients connect: `nats://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port())
    }

    /// The port on 127.0.0.1, the same after every restart.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.0.port()
    }

    /// The server's process id, or `None` while it is down.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.0.pid()
    }

    /// Resolves when the server is down for good though nobody stopped it: the parent should end with failure.
    pub fn failed(&self) -> impl Future<Output = PrivateServerError> + Send + use<> {
        self.0.failed()
    }

    /// Ends the server in order: SIGTERM, and SIGKILL when it has not ended after 10 s.
    pub async fn stop(self) {
        self.0.stop().await;
    }
}
