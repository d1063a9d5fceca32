//! Checkpoints outside of the database: what somebody keeps who does not trust it. A file that grows, and an address that is
//! told. Each gets the newest one, and neither holds up the signing.

use std::{
    fs::{self, OpenOptions},
    io::{self, ErrorKind, Write},
    path::{Path, PathBuf},
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

/// The checkpoint of most events that a file has of a log; none, when there is no file or nothing in it. Not the last one: an
/// older copy of the ledger must not write over what a newer one has said.
pub(super) fn furthest(path: &Path, origin: &Origin) -> io::Result<Option<Checkpoint>> {
    let of_log = notes(path)?.into_iter().filter_map(|note| Checkpoint::unverified(&note).ok());
    Ok(of_log.filter(|checkpoint| checkpoint.origin == *origin).max_by_key(|checkpoint| checkpoint.size))
}

/// The signed notes of a file; one that was broken off is none.
fn notes(path: &Path) -> io::Result<Vec<String>> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    // Notes follow one another; each ends with its signatures.
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
    Ok(notes.into_iter().filter(|note| note.contains(SIGNATURE) && note.ends_with('\n')).collect())
}

/// Whoever tells the outside.
#[derive(Debug)]
pub(super) struct Telling {
    config: OutsideConfig,
    client: reqwest::Client,
    written: Option<String>,
    told: Option<String>,
    away: bool,
}

impl Telling {
    pub(super) fn new(config: OutsideConfig) -> Self {
        Self { config, client: reqwest::Client::new(), written: None, told: None, away: false }
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
        if let Some(path) = self.config.file.clone()
            && self.written.as_deref() != Some(note)
        {
            match append(&path, note) {
                Ok(()) => self.written = Some(note.to_owned()),
                Err(error) => tracing::error!(%error, path = %path.display(), "the checkpoint is not in its file"),
            }
        }
        if let Some(url) = self.config.url.clone()
            && self.told.as_deref() != Some(note)
        {
            self.post(&url, note).await;
        }
    }

    async fn post(&mut self, url: &str, note: &str) {
        let request = self.client.post(url).header("content-type", "text/plain; charset=utf-8").timeout(PATIENCE);
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

/// Appends it, unless the file goes as far already.
fn append(path: &Path, note: &str) -> io::Result<()> {
    let Ok(checkpoint) = Checkpoint::unverified(note) else { return Ok(()) };
    if furthest(path, &checkpoint.origin)?.is_some_and(|known| known.size >= checkpoint.size) {
        return Ok(());
    }
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    file.write_all(note.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_goes_further_and_never_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("checkpoints");
        let origin: Origin = "a".parse().unwrap();
        let size = || furthest(&path, &origin).unwrap().map(|checkpoint| checkpoint.size);
        assert_eq!(size(), None);
        let root = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";
        let note = |size: u64| format!("a\n{size}\n{root}\n\n\u{2014} a AAAAAAAA\n\u{2014} w AAAAAAAA\n");
        for next in [1, 1, 3, 2, 3] {
            append(&path, &note(next)).unwrap();
        }
        assert_eq!((size(), fs::read_to_string(&path).unwrap()), (Some(3), note(1) + &note(3)));
        // Killed in the middle of a fourth; and another log's.
        fs::write(&path, note(1) + &note(3).replace("a\n3", "b\n9") + "a\n4\n").unwrap();
        assert_eq!(size(), Some(1));
    }
}
