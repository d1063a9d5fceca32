//! A server of our own, on loopback, for as long as we live: started, watched over, started again, stopped.

pub(crate) mod directory;
mod error;
mod guard;
mod handle;
mod orphan;
mod supervise;
pub(crate) mod tool;

use std::{
    fs::File,
    future::Future,
    io::{Read, Seek, SeekFrom},
    path::{Path, PathBuf},
    process::ExitStatus,
    time::Duration,
};

use rustix::process::Signal;
use tokio::process::{Child, Command};

pub use self::error::PrivateServerError;
pub(crate) use self::handle::Supervised;

/// Pause between two looks at something that another process is about to do.
pub(crate) const POLL: Duration = Duration::from_millis(20);

/// How much of a server's last words goes into an error, bytes.
const SAID: u64 = 800;

/// Two arguments that stand side by side in the command line of our own server, and in no other's.
#[derive(Debug, Clone)]
pub(crate) struct Mark(pub(crate) &'static str, pub(crate) PathBuf);

/// A server's program, and all that it takes to start it, again and again.
pub(crate) trait Program: Send + Sync + Sized + 'static {
    /// What it is called.
    const NAME: &'static str;
    /// Failures in a row before the process is told; `None` when it can do without.
    const GIVE_UP: Option<u32>;
    /// How it is told to end, and how long it is given each time; then it is killed.
    const STOP: &'static [(Signal, Duration)];
    /// Whether it is killed when this process dies without stopping it. One that writes to a disk had better end in
    /// order, by whoever starts next.
    const DIES_WITH_US: bool;

    /// Its log.
    fn log(&self) -> &Path;
    /// How to tell a process that is one of these.
    fn mark(&self) -> Mark;
    /// Where its process id is written, if it is.
    fn pid_file(&self) -> Option<&Path>;
    /// How to start it, on this port.
    fn command(&self, port: Option<u16>) -> Result<Command, PrivateServerError>;
    /// Resolves with its port once the process answers; dropped when that ends first.
    fn answers(&self, pid: u32) -> impl Future<Output = u16> + Send;
    /// How long that may take.
    fn patience(&self) -> Duration;
    /// The end of what it said, without any secret.
    fn said(&self) -> String;

    /// Starts it; it is killed when the child is dropped.
    fn spawn(&self, port: Option<u16>) -> Result<Child, PrivateServerError> {
        let mut command = self.command(port)?;
        let program = PathBuf::from(command.as_std().get_program());
        // A terminal's Ctrl-C goes to the whole group; we stop the server ourselves, after those who use it.
        command.process_group(0).kill_on_drop(true);
        command.spawn().map_err(|error| PrivateServerError::Spawn { program, reason: error.to_string() })
    }

    /// Waits until it answers.
    fn ready(&self, child: &mut Child) -> impl Future<Output = Result<u16, PrivateServerError>> + Send {
        async {
            let answers = self.answers(child.id().unwrap_or_default());
            tokio::select! {
                ended = child.wait() => Err(self.ended(ended)),
                port = answers => Ok(port),
                () = tokio::time::sleep(self.patience()) => {
                    let log = self.log().to_owned();
                    Err(PrivateServerError::NotReady { name: Self::NAME, limit: self.patience(), log })
                }
            }
        }
    }

    /// The error of one that ended too early.
    fn ended(&self, ended: std::io::Result<ExitStatus>) -> PrivateServerError {
        let status = ended.map_or_else(|error| error.to_string(), |status| status.to_string());
        PrivateServerError::Ended { name: Self::NAME, status, said: self.said() }
    }
}

/// The last words in a file, on one line.
pub(crate) fn last_of(path: &Path) -> String {
    let mut text = Vec::new();
    let read = File::open(path).and_then(|mut file| {
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(SAID)))?;
        file.take(SAID).read_to_end(&mut text)
    });
    read.map_or_else(|_| String::new(), |_| tool::on_one_line(&text))
}
