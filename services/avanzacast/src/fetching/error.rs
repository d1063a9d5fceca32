//! Why one way of fetching did not work.

use std::{io, time::Duration};

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
    /// The archive does not hold what is wanted.
    #[error("no {wanted} inside {archive}")]
    Empty {
        /// What is wanted.
        wanted: &'static str,
        /// Where it was looked for.
        archive: String,
    },
    /// The wheel can't be read.
    #[error("the wheel cannot be read: {0}")]
    Wheel(#[from] zip::result::ZipError),
    /// A file could not be read or written.
    #[error(transparent)]
    Io(#[from] io::Error),
}
