//! A nats-server of our own, on loopback, for as long as we live.

use std::{
    collections::BTreeMap,
    fmt,
    fs::{DirBuilder, File, TryLockError},
    future::Future,
    io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use tokio::{sync::watch, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use super::{
    launch::Launch,
    orphan,
    supervise::{self, Phase, Supervisor},
};

/// How long to wait for a directory that another process holds: one that was killed lets go only when the system
/// has cleaned up after it.
const HOLD_LIMIT: Duration = Duration::from_secs(2);

/// Pause between two looks at something that another process is about to do.
pub(super) const POLL: Duration = Duration::from_millis(20);

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

/// Why there is no private server.
#[derive(Debug, Clone, thiserror::Error)]
pub enum PrivateServerError {
    /// A file of its directory can't be used.
    #[error("cannot use {}: {reason}", path.display())]
    Directory {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// Another process runs a server there.
    #[error("another process runs nats-server in {}: stop it, or set another DATA_DIR", .0.display())]
    InUse(PathBuf),
    /// A nats-server that an earlier process left behind does not end.
    #[error("nats-server {pid}, left behind by an earlier process, does not end: kill it")]
    Orphan {
        /// Its process id.
        pid: i32,
    },
    /// The program can't be started.
    #[error("cannot start {}: {reason}", program.display())]
    Spawn {
        /// Which program.
        program: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// It ended before it was ready; the text is the end of what it said.
    #[error("nats-server ended at once ({status}): {said}")]
    Ended {
        /// How it ended.
        status: String,
        /// The end of its standard error or of its log.
        said: String,
    },
    /// It runs, but takes no connections.
    #[error("nats-server is not ready after {} s; see {}", limit.as_secs(), log.display())]
    NotReady {
        /// How long it was given.
        limit: Duration,
        /// Its log.
        log: PathBuf,
    },
    /// It died and could not be brought back.
    #[error("nats-server failed {failures} times in a row; see {}", log.display())]
    GaveUp {
        /// How often it failed.
        failures: u32,
        /// Its log.
        log: PathBuf,
    },
}

impl PrivateServerError {
    pub(super) fn directory(path: &Path, error: &io::Error) -> Self {
        Self::Directory { path: path.to_owned(), reason: error.to_string() }
    }
}

/// A running nats-server that is started again, on the same port, when it dies.
///
/// Dropping it kills the server; [`PrivateServer::stop`] ends it in order. In a process group of its own, it does
/// not get a terminal's Ctrl-C: it has to outlive the tasks that still talk to it.
#[derive(Debug)]
pub struct PrivateServer {
    port: u16,
    phase: watch::Receiver<Phase>,
    stopping: CancellationToken,
    supervisor: Option<JoinHandle<()>>,
    log: PathBuf,
    /// Held while the server may run: no second process takes it for an orphan.
    _hold: File,
}

impl PrivateServer {
    /// Ends what an earlier process left running on that store, starts the server, and waits until it answers.
    ///
    /// # Errors
    /// When the directory is not to be had, or the server does not come up.
    pub async fn start(options: PrivateServerOptions) -> Result<Self, PrivateServerError> {
        let dir = make(&options.dir)?;
        let hold = hold(&dir).await?;
        let launch = Launch::prepare(options, dir)?;
        orphan::reclaim(launch.store(), launch.pid_file()).await?;
        let running = launch.start().await?;
        let (port, log) = (running.port, launch.log().to_owned());
        let (phases, phase) = watch::channel(running.phase());
        let stopping = CancellationToken::new();
        let supervisor = Supervisor { launch, port, phases, stopping: stopping.clone() };
        let supervisor = Some(tokio::spawn(supervisor.watch(running.child)));
        Ok(Self { port, phase, stopping, supervisor, log, _hold: hold })
    }

    /// Where clients connect: `nats://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// The port on 127.0.0.1, the same after every restart.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The server's process id, or `None` while it is down.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        match *self.phase.borrow() {
            Phase::Up { pid } => Some(pid),
            Phase::Down | Phase::GivenUp { .. } => None,
        }
    }

    /// Resolves when the server is down for good though nobody stopped it: the parent should end with failure.
    pub fn failed(&self) -> impl Future<Output = PrivateServerError> + Send + use<> {
        let (mut phase, stopping, log) = (self.phase.clone(), self.stopping.clone(), self.log.clone());
        async move {
            loop {
                if let Phase::GivenUp { failures } = *phase.borrow_and_update() {
                    return PrivateServerError::GaveUp { failures, log };
                }
                if phase.changed().await.is_err() {
                    break;
                }
            }
            if stopping.is_cancelled() {
                std::future::pending::<()>().await;
            }
            // The supervisor is gone without a word, and the server with it.
            PrivateServerError::GaveUp { failures: 1, log }
        }
    }

    /// Ends the server in order: SIGTERM, and SIGKILL when it has not ended after 10 s.
    pub async fn stop(mut self) {
        self.stopping.cancel();
        if let Some(supervisor) = &mut self.supervisor
            && let Err(error) = supervisor.await
        {
            tracing::error!(%error, "the supervisor of nats-server broke");
        }
        self.supervisor = None;
    }
}

impl Drop for PrivateServer {
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

/// Makes the directory, for its owner alone, and answers its one true name, by which an orphan is recognised.
fn make(dir: &Path) -> Result<PathBuf, PrivateServerError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(dir);
    made.and_then(|()| dir.canonicalize()).map_err(|error| PrivateServerError::directory(dir, &error))
}

/// Takes the directory for this process; the system lets go of it however the process ends.
async fn hold(dir: &Path) -> Result<File, PrivateServerError> {
    let path = dir.join("lock");
    let file = File::create(&path).map_err(|error| PrivateServerError::directory(&path, &error))?;
    let until = Instant::now() + HOLD_LIMIT;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(error)) => return Err(PrivateServerError::directory(&path, &error)),
            Err(TryLockError::WouldBlock) if Instant::now() >= until => {
                return Err(PrivateServerError::InUse(dir.to_owned()));
            }
            Err(TryLockError::WouldBlock) => tokio::time::sleep(POLL).await,
        }
    }
}
