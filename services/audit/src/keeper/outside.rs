//! Checkpoints outside of the database: what somebody keeps who does not trust it. A file that grows, and an address that is
//! told. Each gets the newest one, and neither holds up the signing.

use std::{
    fs::{File, OpenOptions},
    io::{self, ErrorKind, Read, Seek, SeekFrom, Write},
    os::unix::fs::MetadataExt,
    path::PathBuf,
    time::Duration,
};

use avanzacast_worker::store::{Session, Store, StoreError};
use tokio_util::sync::CancellationToken;

use crate::log::{self, Checkpoint, Origin};

/// How often it is looked whether there is a newer one.
const LOOK: Duration = Duration::from_secs(2);
/// How long an address may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// What begins a signature's line in a signed note.
const SIGNATURE: &str = "\u{2014} ";

/// Where checkpoints go, besides the database.
#[derive(Debug, Clone, Default)]
pub struct OutsideConfig {
    /// A file to which each is appended.
    pub file: Option<PathBuf>,
    /// An address to which each is POSTed, as text.
    pub url: Option<String>,
}

/// The file outside, as far as it was read: it is looked at with every checkpoint, and grows for years.
#[derive(Debug)]
pub(super) struct Outside {
    path: PathBuf,
    /// Where its last note begins, in which file that was.
    read: (u64, u64),
    furthest: Option<Checkpoint>,
}

impl Outside {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, read: (0, 0), furthest: None }
    }

    /// The checkpoint of most events that it has of a log; none, when there is no file or nothing in it. Not the last one: an
    /// older copy of the ledger must not write over what a newer one has said. What was once read there stays known.
    pub(super) fn furthest(&mut self, origin: &Origin) -> io::Result<Option<Checkpoint>> {
        let found = self.go_on()?.into_iter().filter_map(|note| Checkpoint::unverified(&note).ok());
        let known = self.furthest.take().into_iter().chain(found);
        self.furthest = known.filter(|checkpoint| checkpoint.origin == *origin).max_by_key(|known| known.size);
        Ok(self.furthest.clone())
    }

    /// The notes since the last time, the last one of then among them: it may not have been whole.
    fn go_on(&mut self) -> io::Result<Vec<String>> {
        let mut file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let about = file.metadata()?;
        let from = if self.read.1 == about.ino() && self.read.0 <= about.len() { self.read.0 } else { 0 };
        file.seek(SeekFrom::Start(from))?;
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        let notes = notes(&text);
        let last = notes.last().map_or(0, String::len);
        let passed = u64::try_from(text.len().saturating_sub(last)).unwrap_or_default();
        self.read = (from + passed, about.ino());
        Ok(notes)
    }

    /// Appends a note, unless the file goes as far already. One that was broken off before spoils the next one, so it is
    /// written until it can be read.
    fn append(&mut self, note: &str) -> io::Result<()> {
        let Ok(checkpoint) = Checkpoint::unverified(note) else { return Ok(()) };
        for _ in 0..2 {
            if self.furthest(&checkpoint.origin)?.is_some_and(|known| known.size >= checkpoint.size) {
                return Ok(());
            }
            let mut file = OpenOptions::new().create(true).append(true).open(&self.path)?;
            file.write_all(note.as_bytes())?;
            file.sync_all()?;
        }
        Ok(())
    }
}

/// Notes that follow one another; each ends with its signatures. The last may be broken off.
fn notes(text: &str) -> Vec<String> {
    let (mut notes, mut signed) = (vec![String::new()], false);
    for line in text.split_inclusive('\n') {
        if signed && !line.starts_with(SIGNATURE) {
            notes.push(String::new());
        }
        signed = line.starts_with(SIGNATURE);
        if let Some(note) = notes.last_mut() {
            note.push_str(line);
        }
    }
    notes
}

/// Whoever tells the outside.
#[derive(Debug)]
pub(super) struct Telling {
    file: Option<Outside>,
    url: Option<String>,
    client: reqwest::Client,
    written: Option<String>,
    told: Option<String>,
    full: bool,
    away: bool,
}

impl Telling {
    pub(super) fn new(config: OutsideConfig) -> Self {
        let OutsideConfig { file, url } = config;
        let client = reqwest::Client::builder().timeout(PATIENCE).build().unwrap_or_default();
        let file = file.map(Outside::new);
        Self { file, url, client, written: None, told: None, full: false, away: false }
    }

    /// Tells until the process stops.
    pub(super) async fn run(mut self, store: Store, stopping: CancellationToken) {
        let mut session = None;
        while !stopping.is_cancelled() {
            match newest(&store, &mut session).await {
                Ok(Some(note)) => self.tell(&note).await,
                Ok(None) => {}
                Err(error) => tracing::debug!(%error, "no checkpoint can be told outside"),
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                () = stopping.cancelled() => {}
            }
        }
    }

    async fn tell(&mut self, note: &str) {
        if self.written.as_deref() != Some(note) {
            self.write(note);
        }
        if let Some(url) = self.url.clone()
            && self.told.as_deref() != Some(note)
        {
            self.post(&url, note).await;
        }
    }

    fn write(&mut self, note: &str) {
        let Some(file) = &mut self.file else { return };
        let written = file.append(note);
        let full = std::mem::replace(&mut self.full, written.is_err());
        match written {
            Ok(()) => self.written = Some(note.to_owned()),
            Err(error) if !full => {
                let path = file.path.display();
                tracing::error!(%error, %path, "the checkpoint is not in its file; it will be tried again");
            }
            Err(_) => {}
        }
    }

    async fn post(&mut self, url: &str, note: &str) {
        let request = self.client.post(url).header("content-type", "text/plain; charset=utf-8");
        let sent = request.body(note.to_owned()).send().await.and_then(reqwest::Response::error_for_status);
        let away = std::mem::replace(&mut self.away, sent.is_err());
        match sent {
            Ok(_) => self.told = Some(note.to_owned()),
            // The address may hold a secret.
            Err(error) if !away => {
                let error = error.without_url();
                tracing::warn!(%error, "AUDIT_CHECKPOINT_URL does not take the checkpoint; it will be tried again");
            }
            Err(_) => {}
        }
    }
}

async fn newest(store: &Store, kept: &mut Option<Session>) -> Result<Option<String>, StoreError> {
    let mut session = match kept.take() {
        Some(session) => session,
        None => store.connect().await?,
    };
    let newest = log::newest(&mut session).await?;
    *kept = Some(session);
    Ok(newest.map(|signed| signed.note))
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    const ROOT: &str = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";

    fn note(size: u64) -> String {
        format!("a\n{size}\n{ROOT}\n\n\u{2014} a AAAAAAAA\n\u{2014} w AAAAAAAA\n")
    }

    fn outside(path: &Path) -> Outside {
        Outside::new(path.to_owned())
    }

    fn size(file: &mut Outside) -> Option<u64> {
        file.furthest(&"a".parse().unwrap()).unwrap().map(|checkpoint| checkpoint.size)
    }

    #[test]
    fn a_file_goes_further_and_never_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("checkpoints");
        let mut file = outside(&path);
        assert_eq!(size(&mut file), None);
        for next in [1, 1, 3, 2, 3] {
            file.append(&note(next)).unwrap();
        }
        assert_eq!((size(&mut file), fs::read_to_string(&path).unwrap()), (Some(3), note(1) + &note(3)));
        // Another log's.
        fs::write(&path, note(1) + &note(9).replace("a\n9", "b\n9")).unwrap();
        assert_eq!((size(&mut outside(&path)), size(&mut file)), (Some(1), Some(3)), "what was read stays known");
    }

    #[test]
    fn what_was_broken_off_takes_nothing_along() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("checkpoints");
        for end in 1..note(4).len() {
            let text = note(3) + &note(4);
            let Some(broken) = text.get(..note(3).len() + end) else { continue };
            fs::write(&path, broken).unwrap();
            let mut file = outside(&path);
            assert!(size(&mut file).is_some_and(|size| size == 3 || broken.contains("AAAAAAAA\n\u{2014}")), "{broken}");
            file.append(&note(5)).unwrap();
            assert_eq!((size(&mut file), size(&mut outside(&path))), (Some(5), Some(5)), "{broken}");
        }
    }

    #[test]
    fn what_others_write_is_seen_and_only_that_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("checkpoints");
        let (mut one, mut other) = (outside(&path), outside(&path));
        for next in 1..50 {
            let writer = if next % 2 == 0 { &mut one } else { &mut other };
            writer.append(&note(next)).unwrap();
            assert_eq!((size(&mut one), size(&mut other)), (Some(next), Some(next)));
        }
        assert_eq!(one.read.0, fs::metadata(&path).unwrap().len() - note(49).len() as u64);
        // Put away and begun anew, as logs are.
        fs::rename(&path, folder.path().join("older")).unwrap();
        one.append(&note(50)).unwrap();
        assert_eq!((size(&mut other), fs::read_to_string(&path).unwrap()), (Some(50), note(50)));
    }
}
