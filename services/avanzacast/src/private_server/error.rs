//! Why there is no private server.

use std::{io, path::Path, path::PathBuf, time::Duration};

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
    #[error("another process runs a server in {}: stop it, or set another DATA_DIR", .0.display())]
    InUse(PathBuf),
    /// A server that an earlier process left behind does not end.
    #[error("{name} {pid}, left behind by an earlier process, does not end: kill it")]
    Orphan {
        /// What it is.
        name: &'static str,
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
    #[error("{name} ended at once ({status}): {said}")]
    Ended {
        /// What it is.
        name: &'static str,
        /// How it ended.
        status: String,
        /// The end of its standard error or of its log.
        said: String,
    },
    /// It runs, but takes no connections.
    #[error("{name} is not ready after {} s; see {}", limit.as_secs(), log.display())]
    NotReady {
        /// What it is.
        name: &'static str,
        /// How long it was given.
        limit: Duration,
        /// Its log.
        log: PathBuf,
    },
    /// It died and could not be brought back.
    #[error("{name} failed {failures} times in a row; see {}", log.display())]
    GaveUp {
        /// What it is.
        name: &'static str,
        /// How often it failed.
        failures: u32,
        /// Its log.
        log: PathBuf,
    },
    /// There is no free port on 127.0.0.1.
    #[error("no free port on 127.0.0.1: {reason}")]
    Port {
        /// What the system said.
        reason: String,
    },
}

impl PrivateServerError {
    pub(crate) fn directory(path: &Path, error: &io::Error) -> Self {
        Self::Directory { path: path.to_owned(), reason: error.to_string() }
    }
}
