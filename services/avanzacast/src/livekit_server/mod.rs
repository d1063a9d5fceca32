//! A livekit-server of our own, for development: found, never fetched, on loopback, for as long as we live.

mod launch;
mod locate;
mod ports;

use std::{net::SocketAddr, path::PathBuf};

pub use self::locate::{INSTALL, locate_in, setting};
use self::{launch::Launch, ports::Ports};
pub use crate::private_server::PrivateServerError;
use crate::private_server::{Supervised, directory};

/// LiveKit's own development key and secret (livekit-server, `cmd/server/main.go`).
const KEY: (&str, &str) = ("devkey", "secret");

/// How often it is tried with other ports when it ends at once.
const TRIES: u32 = 3;

/// A running livekit-server that is started again, on the same ports, when it dies, for as long as that takes: others
/// can do without it. Its rooms are in its memory.
///
/// Dropping it kills the server, and so does the death of this process, whatever it dies of.
#[derive(Debug)]
pub struct LiveKitServer(Supervised);

impl LiveKitServer {
    /// Ends what an earlier process left running in that directory, starts the server, and waits until it answers.
    /// `dir` holds `livekit.yaml` (its key's secret is in there, so it is its owner's alone) and `livekit.log`; webhooks
    /// go to `backend`.
    ///
    /// # Errors
    /// When the directory or a port is not to be had, or the server does not come up.
    pub async fn start(program: PathBuf, dir: PathBuf, backend: SocketAddr) -> Result<Self, PrivateServerError> {
        let dir = directory::make(&dir)?;
        let hold = directory::hold(&dir).await?;
        // Until it answers, nobody else of us may choose.
        let _turn = ports::turn().await;
        let mut tries = 0;
        loop {
            let unusable = |error| PrivateServerError::directory(&dir, &error);
            let ports = Ports::free().map_err(|error| PrivateServerError::Port { reason: error.to_string() })?;
            let launch = Launch::prepare(&program, dir.clone(), ports, backend)?;
            tries += 1;
            match Supervised::start(launch, Some(ports.http), hold.try_clone().map_err(unusable)?).await {
                // Perhaps a stranger took a port meanwhile.
                Err(PrivateServerError::Ended { .. }) if tries < TRIES => {}
                started => return started.map(Self),
            }
        }
    }

    /// Where participants connect: `127.0.0.1:PORT`, by `ws` and by `http`.
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.0.port())
    }

    /// The server's process id, or `None` while it is down.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.0.pid()
    }

    /// Ends the server: it lets its participants finish for a moment, then not.
    pub async fn stop(self) {
        self.0.stop().await;
    }
}
