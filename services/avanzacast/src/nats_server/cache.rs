//! The directory that a fetched nats-server is kept in.
//!
//! `<cache>/nats-server-<version>/` holds the program, the SHA-256 it had when it was put there, and the lock that
//! makes those who would fetch it take turns. Renames put both files in place, so that a reader without the lock
//! sees whole files, at worst of two different fetches, which the checksum tells.

use std::{
    fs::{self, DirBuilder, File},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use super::{PROGRAM, VERSION, error::FetchError};
use crate::{
    fetching::{self, sha256_of},
    private_server::tool::absolute,
};

/// The largest program that is believed, bytes: ten times what it is, to stop a compressed file without end.
const LARGEST: u64 = 200 * 1024 * 1024;

/// Where [`VERSION`] is kept.
#[derive(Debug, Clone)]
pub(super) struct Cache {
    home: PathBuf,
}

/// The right to fetch, until dropped.
#[derive(Debug)]
pub(super) struct Turn {
    cache: Cache,
    held: fetching::Turn,
}

impl Cache {
    pub(super) fn in_dir(cache_dir: &Path) -> Self {
        Self { home: absolute(cache_dir).join(format!("{PROGRAM}-{VERSION}")) }
    }

    fn program(&self) -> PathBuf {
        self.home.join(PROGRAM)
    }

    fn record(&self) -> PathBuf {
        self.home.join(format!("{PROGRAM}.sha256"))
    }

    fn broken(&self, source: io::Error) -> FetchError {
        FetchError::Cache { directory: self.home.clone(), source }
    }

    /// The program, when it is there and as it was put there.
    pub(super) async fn sound(&self) -> Result<Option<PathBuf>, FetchError> {
        let cache = self.clone();
        let checked = tokio::task::spawn_blocking(move || cache.check()).await;
        checked.unwrap_or_else(|error| Err(self.broken(error.into())))
    }

    fn check(&self) -> Result<Option<PathBuf>, FetchError> {
        let Ok(home) = self.home.metadata() else { return Ok(None) };
        // The record says that nothing was damaged; only the owner says that nobody else put both there.
        let trusted = [0, rustix::process::geteuid().as_raw()];
        if !trusted.contains(&home.uid()) {
            return Err(FetchError::Foreign(self.home.clone()));
        }
        let Ok(recorded) = fs::read_to_string(self.record()) else { return Ok(None) };
        let Ok(found) = sha256_of(&self.program()) else { return Ok(None) };
        Ok((recorded.split_whitespace().next() == Some(found.as_str())).then(|| self.program()))
    }

    /// Waits until nobody else fetches.
    pub(super) async fn take_turn(&self, progress: &(dyn Fn(&str) + Sync)) -> Result<Turn, FetchError> {
        let mut builder = DirBuilder::new();
        builder.recursive(true).mode(0o700).create(&self.home).map_err(|error| self.broken(error))?;
        let held = fetching::Turn::take(&self.home, PROGRAM, progress).await.map_err(|error| self.broken(error))?;
        Ok(Turn { cache: self.clone(), held })
    }
}

impl Turn {
    /// An empty directory for what is downloaded on the way.
    pub(super) fn desk(&self) -> Result<PathBuf, FetchError> {
        self.held.desk().map_err(|error| self.cache.broken(error))
    }

    /// Throws away what was downloaded on the way.
    pub(super) fn clear(&self) {
        self.held.clear();
    }

    /// Writes the program and its checksum, and puts both in place.
    pub(super) fn put(&self, program: &mut dyn Read) -> io::Result<PathBuf> {
        let (fresh, fresh_record) = (self.cache.home.join("program.new"), self.cache.home.join("sha256.new"));
        drop(fs::remove_file(&fresh));
        let mut file = File::options().write(true).create_new(true).mode(0o755).open(&fresh)?;
        io::copy(&mut program.take(LARGEST), &mut file)?;
        file.flush()?;
        drop(file);
        fs::write(&fresh_record, format!("{}  {PROGRAM}\n", sha256_of(&fresh)?))?;
        fs::rename(fresh_record, self.cache.record())?;
        fs::rename(fresh, self.cache.program())?;
        Ok(self.cache.program())
    }
}
