//! The directory of a private server: its owner's alone, and one process's at a time.

use std::{
    fs::{DirBuilder, File, TryLockError},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use super::{POLL, PrivateServerError};

/// How long to wait for a directory that another process holds: one that was killed lets go only when the system
/// has cleaned up after it.
const HOLD_LIMIT: Duration = Duration::from_secs(2);

/// Makes the directory, for its owner alone, and answers its one true name, by which an orphan is recognised.
pub(crate) fn make(dir: &Path) -> Result<PathBuf, PrivateServerError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(dir);
    made.and_then(|()| dir.canonicalize()).map_err(|error| PrivateServerError::directory(dir, &error))
}

/// Takes the directory for this process; the system lets go of it however the process ends.
pub(crate) async fn hold(dir: &Path) -> Result<File, PrivateServerError> {
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
