//! A running server, for whoever had it started.

use std::{fs::File, future::Future, path::PathBuf};

use tokio::{sync::watch, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use super::{
    PrivateServerError, Program, orphan,
    supervise::{self, Phase, Supervisor, Watched},
};

/// A running server that is started again, on the same port, when it dies.
///
/// Dropping it kills the server; [`Supervised::stop`] ends it in order. In a process group of its own, it does not get a
/// terminal's Ctrl-C: it has to outlive the tasks that still talk to it.
#[derive(Debug)]
pub(crate) struct Supervised {
    name: &'static str,
    port: u16,
    phase: watch::Receiver<Phase>,
    stopping: CancellationToken,
    supervisor: Option<JoinHandle<()>>,
    log: PathBuf,
    /// Held while the server may run: no second process takes it for an orphan.
    _hold: File,
}

impl Supervised {
    /// Ends what an earlier process left running, starts the server, and waits until it answers. `hold` is the lock on
    /// its directory.
    pub(crate) async fn start<P: Program>(
        program: P,
        port: Option<u16>,
        hold: File,
    ) -> Result<Self, PrivateServerError> {
        orphan::reclaim(&program).await?;
        let Watched { mut child, guard } = supervise::start(&program, port)?;
        let port = match program.ready(&mut child).await {
            Ok(port) => port,
            Err(error) => {
                supervise::terminate::<P>(Watched { child, guard }).await;
                return Err(error);
            }
        };
        let log = program.log().to_owned();
        let (phases, phase) = watch::channel(child.id().map_or(Phase::Down, |pid| Phase::Up { pid }));
        let stopping = CancellationToken::new();
        let supervisor = Supervisor { program, port, phases, stopping: stopping.clone() };
        let supervisor = Some(tokio::spawn(supervisor.watch(Watched { child, guard })));
        Ok(Self { name: P::NAME, port, phase, stopping, supervisor, log, _hold: hold })
    }

    /// The port on 127.0.0.1, the same after every restart.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The server's process id, or `None` while it is down.
    pub(crate) fn pid(&self) -> Option<u32> {
        match *self.phase.borrow() {
            Phase::Up { pid } => Some(pid),
            Phase::Down | Phase::GivenUp { .. } => None,
        }
    }

    /// Resolves when the server is down for good though nobody stopped it.
    pub(crate) fn failed(&self) -> impl Future<Output = PrivateServerError> + Send + use<> {
        let (mut phase, stopping) = (self.phase.clone(), self.stopping.clone());
        let (name, log) = (self.name, self.log.clone());
        async move {
            loop {
                if let Phase::GivenUp { failures } = *phase.borrow_and_update() {
                    return PrivateServerError::GaveUp { name, failures, log };
                }
                if phase.changed().await.is_err() {
                    break;
                }
            }
            if stopping.is_cancelled() {
                std::future::pending::<()>().await;
            }
            // The supervisor is gone without a word, and the server with it.
            PrivateServerError::GaveUp { name, failures: 1, log }
        }
    }

    /// Ends the server in order, and by force when that takes too long.
    pub(crate) async fn stop(mut self) {
        self.stopping.cancel();
        if let Some(supervisor) = &mut self.supervisor
            && let Err(error) = supervisor.await
        {
            tracing::error!(server = self.name, %error, "a supervisor broke");
        }
        self.supervisor = None;
    }
}

impl Drop for Supervised {
    fn drop(&mut self) {
        let Some(supervisor) = self.supervisor.take() else { return };
        self.stopping.cancel();
        supervisor.abort();
        // The task dies, and its child with it, when the runtime gets to it; the process may end before.
        if let Some(pid) = self.pid() {
            supervise::signal(pid, rustix::process::Signal::KILL);
        }
    }
}
