//! Why livekit-client could not be had.

use std::{
    io,
    path::{Path, PathBuf},
};

use super::{MODULE, NAME, VERSION};
use crate::fetching::AttemptError;

/// No livekit-client could be found or fetched.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Neither way of fetching it worked.
    #[error(
        "{NAME} {VERSION} could not be fetched (with npm: {npm}; from {address}: {download}): install npm, or put \
         {MODULE} of that package where {} is wanted, or let LIVEKIT_CLIENT name it", file.display()
    )]
    Nowhere {
        /// Why npm did not do.
        npm: Box<AttemptError>,
        /// Where it was looked for besides.
        address: String,
        /// Why that did not do.
        download: Box<AttemptError>,
        /// Where it would be.
        file: PathBuf,
    },
    /// It is not there, and is not to be fetched.
    #[error("{} is not there: {}", .0.display(), todo(.0))]
    Absent(PathBuf),
    /// There is something else.
    #[error("{} is not {NAME} {VERSION} ({problem}): {}", file.display(), todo(file))]
    Unusable {
        /// Where.
        file: PathBuf,
        /// What is wrong with it.
        problem: Box<AttemptError>,
    },
    /// It cannot be put where it is wanted.
    #[error("cannot keep {NAME} in {}: {source}; make it writable, or let LIVEKIT_CLIENT name the file", folder.display())]
    Folder {
        /// Where.
        folder: PathBuf,
        /// What went wrong there.
        source: io::Error,
    },
}

fn todo(file: &Path) -> String {
    format!("`avanzacast {NAME} --out {}` puts it there; LIVEKIT_CLIENT may name another file", file.display())
}
