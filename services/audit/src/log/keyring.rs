//! The keys of a log: the one that signs, and those that did before it.

use std::{
    fs,
    io::{self, ErrorKind, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use avanzacast_kit::{Secret, folder};

use super::key::{KeyError, Origin, SigningKey, Vkey};

/// Nobody else reads it.
const MODE: u32 = 0o600;

/// The keys of one log.
#[derive(Debug)]
pub struct Keyring {
    key: SigningKey,
    before: Vec<Vkey>,
}

/// There are no keys to sign with.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// What is configured.
    #[error("AUDIT_SIGNING_KEY")]
    Configured(#[source] KeyError),
    /// None of the configured ones is this log's.
    #[error("AUDIT_SIGNING_KEY has no key of the log {0}: name the log as the key is named, by AUDIT_ORIGIN")]
    Foreign(Origin),
    /// What the file holds.
    #[error("{0} holds something else than keys")]
    Kept(PathBuf, #[source] KeyError),
    /// Others can read it.
    #[error("{0} can be read by others than its owner: chmod 600, and think about who has read it")]
    Open(PathBuf),
    /// The file.
    #[error("{0} cannot be read or written")]
    File(PathBuf, #[source] io::Error),
    /// A key could not be made.
    #[error("a key could not be made")]
    Made(#[source] KeyError),
}

/// Where keys are kept that nobody configured.
fn file(data_dir: &Path) -> PathBuf {
    data_dir.join("audit").join("signing.key")
}

impl Keyring {
    /// The configured keys (separated by commas, the one that signs first), or those in the file `audit/signing.key` of the
    /// data folder; `None` when neither has one of this log.
    ///
    /// # Errors
    /// What is there cannot be used.
    pub fn read(configured: Option<&Secret>, data_dir: &Path, origin: &Origin) -> Result<Option<Self>, KeyringError> {
        let Some(configured) = configured else { return Ok(Self::of(kept(&file(data_dir))?, origin)) };
        let keys: Result<Vec<SigningKey>, KeyError> = configured.reveal().split(',').map(str::parse).collect();
        let ring = Self::of(keys.map_err(KeyringError::Configured)?, origin);
        ring.map_or_else(|| Err(KeyringError::Foreign(origin.clone())), |ring| Ok(Some(ring)))
    }

    /// The same, and a key is made where there is none.
    ///
    /// # Errors
    /// What is there cannot be used, or nothing can be written there.
    pub fn open(configured: Option<&Secret>, data_dir: &Path, origin: &Origin) -> Result<Self, KeyringError> {
        if let Some(ring) = Self::read(configured, data_dir, origin)? {
            return Ok(ring);
        }
        let alone = alone(data_dir)?;
        // Another process may have made one in the meantime.
        match Self::read(configured, data_dir, origin)? {
            Some(ring) => Ok(ring),
            None => Self::add(&alone, data_dir, origin),
        }
    }

    /// Makes a key that signs from now on, and keeps those before it.
    ///
    /// # Errors
    /// What is there cannot be used, or nothing can be written there.
    pub fn rotate(data_dir: &Path, origin: &Origin) -> Result<Self, KeyringError> {
        Self::add(&alone(data_dir)?, data_dir, origin)
    }

    fn add(_alone: &Alone, data_dir: &Path, origin: &Origin) -> Result<Self, KeyringError> {
        let path = file(data_dir);
        let mut keys = kept(&path)?;
        keys.insert(0, SigningKey::generate(origin).map_err(KeyringError::Made)?);
        keep(&path, &keys).map_err(|error| KeyringError::File(path.clone(), error))?;
        Self::of(keys, origin).ok_or(KeyringError::Made(KeyError::Private))
    }

    fn of(keys: Vec<SigningKey>, origin: &Origin) -> Option<Self> {
        let mut ours = keys.into_iter().filter(|key| key.vkey().origin() == origin);
        let key = ours.next()?;
        Some(Self { key, before: ours.map(|key| key.vkey().clone()).collect() })
    }

    /// The one that signs.
    #[must_use]
    pub fn key(&self) -> &SigningKey {
        &self.key
    }

    /// What signatures are checked with, the newest first.
    #[must_use]
    pub fn public(&self) -> Vec<Vkey> {
        std::iter::once(self.key.vkey()).chain(&self.before).cloned().collect()
    }
}

/// Nobody else adds a key meanwhile: of two that read the same and write, one would lose the other's.
struct Alone(#[expect(dead_code, reason = "closing it lets others in")] fs::File);

fn alone(data_dir: &Path) -> Result<Alone, KeyringError> {
    let path = file(data_dir);
    let folder = path.parent().unwrap_or(data_dir);
    let opened = folder::private(folder).and_then(|()| fs::File::open(folder));
    let locked = opened.and_then(|folder| folder.lock().map(|()| folder));
    locked.map(Alone).map_err(|error| KeyringError::File(folder.to_owned(), error))
}

fn kept(path: &Path) -> Result<Vec<SigningKey>, KeyringError> {
    let failed = |error| KeyringError::File(path.to_owned(), error);
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    if fs::metadata(path).map_err(failed)?.permissions().mode() & 0o077 != 0 {
        return Err(KeyringError::Open(path.to_owned()));
    }
    let keys: Result<_, KeyError> = text.lines().map(str::parse).collect();
    keys.map_err(|error| KeyringError::Kept(path.to_owned(), error))
}

/// All at once: a key that has signed something is never lost to a crash.
fn keep(path: &Path, keys: &[SigningKey]) -> io::Result<()> {
    let folder = path.parent().ok_or(ErrorKind::InvalidInput)?;
    // Made for its owner alone.
    let mut file = tempfile::Builder::new().permissions(fs::Permissions::from_mode(MODE)).tempfile_in(folder)?;
    for key in keys {
        writeln!(file, "{}", key.text().reveal())?;
    }
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    fs::File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(text: &str) -> Origin {
        text.parse().unwrap()
    }

    #[test]
    fn a_key_is_made_once_and_is_its_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Keyring::read(None, folder.path(), &origin("a")).unwrap().is_none());
        let made = Keyring::open(None, folder.path(), &origin("a")).unwrap();
        let again = Keyring::open(None, folder.path(), &origin("a")).unwrap();
        assert_eq!(made.public(), again.public());
        let path = file(folder.path());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, MODE);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(Keyring::open(None, folder.path(), &origin("a")), Err(KeyringError::Open(_))));
    }

    #[test]
    fn of_many_at_once_none_loses_anothers_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        let opened = std::thread::scope(|scope| {
            let one = || scope.spawn(|| Keyring::open(None, path, &origin("a")).unwrap().public());
            let all: Vec<_> = (0..8).map(|_| one()).collect();
            all.into_iter().map(|one| one.join().unwrap()).collect::<Vec<_>>()
        });
        assert!(opened.iter().all(|public| *public == opened[0]), "one was made");
        std::thread::scope(|scope| {
            (0..8).for_each(|_| drop(scope.spawn(|| Keyring::rotate(path, &origin("a")).unwrap())))
        });
        assert_eq!(Keyring::open(None, path, &origin("a")).unwrap().public().len(), 9);
    }

    #[test]
    fn the_keys_before_are_kept_and_each_log_has_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let first = Keyring::open(None, folder.path(), &origin("a")).unwrap();
        let other = Keyring::open(None, folder.path(), &origin("b")).unwrap();
        let second = Keyring::rotate(folder.path(), &origin("a")).unwrap();
        assert_eq!(second.public(), [second.key().vkey().clone(), first.key().vkey().clone()]);
        let read = Keyring::read(None, folder.path(), &origin("b")).unwrap().unwrap();
        assert_eq!(read.public(), other.public());
    }

    #[test]
    fn what_is_configured_comes_first_and_must_fit() {
        let folder = tempfile::tempdir().unwrap();
        let key = SigningKey::generate(&origin("a")).unwrap();
        let ring = Keyring::open(Some(key.text()), folder.path(), &origin("a")).unwrap();
        assert_eq!(ring.public(), [key.vkey().clone()]);
        assert!(!file(folder.path()).exists());
        let wrong = Keyring::open(Some(key.text()), folder.path(), &origin("b"));
        assert!(matches!(wrong, Err(KeyringError::Foreign(_))));
        let none = Secret::new("none".to_owned());
        assert!(matches!(Keyring::open(Some(&none), folder.path(), &origin("a")), Err(KeyringError::Configured(_))));
    }
}
