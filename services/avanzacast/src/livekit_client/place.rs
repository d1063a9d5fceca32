//! Where the module is, or is put.

use std::{
    fs::{self, DirBuilder, File},
    io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use avanzacast_kit::folder;
use tokio::task::spawn_blocking;
use uuid::Uuid;

use super::{ClientError, LARGEST, MODULE, MODULE_SHA256, Module, NAME, Source, VERSION, fetch};
use crate::{
    fetching::{AttemptError, Turn, checked},
    private_server::tool::absolute,
};

/// Where the module is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In the very file that was named: whoever did so has put it there.
    Named(PathBuf),
    /// In this data folder, and is fetched into it.
    In(PathBuf),
}

impl Place {
    /// What `LIVEKIT_CLIENT` says: a file, `off`, or nothing, which is DATA_DIR.
    ///
    /// # Errors
    /// It names something else than this module.
    pub fn read(text: Option<&str>, data_dir: &Path) -> Result<Option<Self>, String> {
        match text {
            None => Ok(Some(Self::in_data_dir(data_dir))),
            Some("off") => Ok(None),
            Some(path) => {
                let place = Self::Named(absolute(Path::new(path)));
                let found = module_in(place.file());
                let wrong =
                    |error| format!("LIVEKIT_CLIENT must be `off`, or the file {MODULE} of {NAME} {VERSION}: {error}");
                found.map(|_| Some(place)).map_err(wrong)
            }
        }
    }

    /// Where it is unless something else was said.
    #[must_use]
    pub fn in_data_dir(data_dir: &Path) -> Self {
        Self::In(absolute(data_dir))
    }

    /// The file.
    #[must_use]
    pub fn file(&self) -> PathBuf {
        match self {
            Self::Named(file) => file.clone(),
            Self::In(data_dir) => data_dir.join(format!("{NAME}/{NAME}-{VERSION}.mjs")),
        }
    }

    /// The module, if it is there; changes nothing.
    ///
    /// # Errors
    /// It is not, or is something else.
    pub async fn look(&self) -> Result<Module, ClientError> {
        let file = self.file();
        let looked = spawn_blocking(move || module_in(file)).await;
        looked.unwrap_or_else(|error| Err(unusable(self.file(), AttemptError::Io(error.into()))))
    }

    /// The module; fetched first where it is not there and may be. Says on `progress` what takes long, a line at a time.
    ///
    /// Safe in several processes at once: one fetches, the others wait for it.
    ///
    /// # Errors
    /// It cannot be had; the text says what to do.
    pub async fn obtain(&self, source: &Source, progress: &(dyn Fn(&str) + Sync)) -> Result<Module, ClientError> {
        match (self.look().await, self) {
            (Err(_), Self::In(data_dir)) => self.fetched(&data_dir.join(NAME), source, progress).await,
            (looked, _) => looked,
        }
    }

    async fn fetched(
        &self,
        home: &Path,
        source: &Source,
        progress: &(dyn Fn(&str) + Sync),
    ) -> Result<Module, ClientError> {
        let broken = |error| ClientError::Folder { folder: home.to_owned(), source: error };
        folder::private(home).map_err(broken)?;
        let turn = Turn::take(home, NAME, progress).await.map_err(broken)?;
        // Another process may have fetched it while we waited.
        if let Ok(module) = self.look().await {
            return Ok(module);
        }
        let (file, desk) = (self.file(), turn.desk().map_err(broken)?);
        let put = match fetch::fetch(source, &desk, &file, progress).await {
            Ok(bytes) => put(&bytes, &desk.join("module.new"), &file).map_err(broken).map(|()| bytes),
            Err(error) => Err(error),
        };
        turn.clear();
        let bytes = put?;
        progress(&format!("{NAME} {VERSION} is in {}", file.display()));
        Ok(Module { path: file, bytes: bytes.into() })
    }

    /// Writes the module to another file, and nothing else: fetched where it is not there.
    ///
    /// # Errors
    /// It cannot be had, or not be written.
    pub async fn copy_to(
        &self,
        file: &Path,
        source: &Source,
        progress: &(dyn Fn(&str) + Sync),
    ) -> Result<(), ClientError> {
        let bytes = match self.look().await {
            Ok(module) => module.bytes,
            Err(_) => fetched_for(file, source, progress).await?.into(),
        };
        let folder = file.parent().unwrap_or(Path::new("")).to_owned();
        // Beside it: a rename does not reach another disk.
        let draft = folder.join(format!(".{NAME}.{}", Uuid::new_v4()));
        put(&bytes, &draft, file).map_err(|source| {
            drop(fs::remove_file(&draft));
            ClientError::Folder { folder, source }
        })
    }
}

/// Fetches it by way of a folder for temporary files.
async fn fetched_for(file: &Path, source: &Source, progress: &(dyn Fn(&str) + Sync)) -> Result<Vec<u8>, ClientError> {
    let desk = std::env::temp_dir().join(format!("avanzacast-{}", Uuid::new_v4()));
    let made = DirBuilder::new().mode(0o700).create(&desk);
    made.map_err(|error| ClientError::Folder { folder: desk.clone(), source: error })?;
    let fetched = fetch::fetch(source, &desk, file, progress).await;
    if let Err(error) = fs::remove_dir_all(&desk) {
        tracing::debug!(%error, "cannot remove what was downloaded");
    }
    fetched
}

/// Whole or not at all.
fn put(module: &[u8], draft: &Path, file: &Path) -> io::Result<()> {
    fs::write(draft, module)?;
    fs::rename(draft, file)
}

/// What lies in the file, if it is the module.
fn module_in(file: PathBuf) -> Result<Module, ClientError> {
    let read = match file.metadata() {
        // Whatever else it is, reading it may never end.
        Ok(found) if !found.is_file() => Err(AttemptError::Io(io::Error::other("it is no file"))),
        Ok(_) => {
            File::open(&file).map_err(AttemptError::Io).and_then(|opened| checked("it", opened, LARGEST, MODULE_SHA256))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(ClientError::Absent(file)),
        Err(error) => Err(AttemptError::Io(error)),
    };
    match read {
        Ok(bytes) => Ok(Module { path: file, bytes: bytes.into() }),
        Err(problem) => Err(unusable(file, problem)),
    }
}

fn unusable(file: PathBuf, problem: AttemptError) -> ClientError {
    ClientError::Unusable { file, problem: Box::new(problem) }
}
