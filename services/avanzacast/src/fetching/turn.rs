//! One process fetches into a folder, the others wait for it.

use std::{
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use uuid::Uuid;

/// How often to ask whether the other process is done fetching.
const POLL: Duration = Duration::from_millis(100);

/// The right to fetch into a folder, until dropped, however this process ends.
#[derive(Debug)]
pub(crate) struct Turn {
    home: PathBuf,
    _lock: File,
}

impl Turn {
    /// Waits until nobody else fetches into `home`, which is there.
    pub(crate) async fn take(home: &Path, what: &str, progress: &(dyn Fn(&str) + Sync)) -> io::Result<Self> {
        let lock = File::create(home.join("lock"))?;
        let mut told = false;
        loop {
            match lock.try_lock() {
                Ok(()) => return Ok(Self { home: home.to_owned(), _lock: lock }),
                Err(TryLockError::Error(error)) => return Err(error),
                Err(TryLockError::WouldBlock) if !told => {
                    progress(&format!("waiting for another process that fetches {what}"));
                    told = true;
                }
                Err(TryLockError::WouldBlock) => {}
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// An empty directory for what is downloaded on the way. Its name is new each time: a program that a killed
    /// process left behind may still write to the old one.
    pub(crate) fn desk(&self) -> io::Result<PathBuf> {
        self.clear();
        let desk = self.desks().join(Uuid::new_v4().to_string());
        fs::create_dir_all(&desk)?;
        Ok(desk)
    }

    /// Throws away what was downloaded on the way.
    pub(crate) fn clear(&self) {
        if let Err(error) = fs::remove_dir_all(self.desks())
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::debug!(%error, "cannot remove what was downloaded");
        }
    }

    fn desks(&self) -> PathBuf {
        self.home.join("fetching")
    }
}
