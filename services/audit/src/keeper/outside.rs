//! Checkpoints outside of the database: what somebody keeps who does not trust it. A file that grows, and an address that is
//! told. Each gets the newest one, and neither holds up the signing.

use std::{
    fs::{self, OpenOptions},
    io::{self, ErrorKind, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use avanzacast_worker::store::{Session, Sql, Store, StoreError, decode};
use tokio_util::sync::CancellationToken;

/// How often it is looked whether there is a newer one.
const LOOK: Duration = Duration::from_secs(2);
/// How long an address may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// What begins a signature's line in a signed note.
const SIGNATURE: &str = "\u{2014} ";

const NEWEST: Sql = Sql {
    postgres: "SELECT json_agg(note) FROM (SELECT note FROM checkpoint WHERE $1::text[] IS NOT NULL
        ORDER BY size DESC LIMIT 1) c",
    sqlite: "SELECT json_group_array(note) FROM (SELECT note FROM checkpoint WHERE ?1 IS NOT NULL
        ORDER BY size DESC LIMIT 1)",
};

/// Where checkpoints go, besides the database.
#[derive(Debug, Clone, Default)]
pub struct OutsideConfig {
    /// A file to which each is appended.
    pub file: Option<PathBuf>,
    /// An address to which each is POSTed, as text.
    pub url: Option<String>,
}

/// The last signed note of a file; none, when there is no file or nothing in it.
pub(super) fn last(path: &Path) -> io::Result<Option<String>> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
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
    Ok(notes.into_iter().rev().find(|note| note.contains(SIGNATURE) && note.ends_with('\n')))
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
    let (notes, _) = session.select(NEWEST, &[]).await?;
    *kept = Some(session);
    Ok(decode::<Vec<String>>(&notes)?.pop())
}

/// Appends it, unless it is the last one there.
fn append(path: &Path, note: &str) -> io::Result<()> {
    if last(path)?.as_deref() == Some(note) {
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
    fn the_last_whole_note_counts_and_is_written_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("checkpoints");
        assert_eq!(last(&path).unwrap(), None);
        let (one, two) = ("a\n1\nr\n\n\u{2014} a AA\n", "a\n2\nr\n\n\u{2014} a AA\n\u{2014} w BB\n");
        for note in [one, one, two, two] {
            append(&path, note).unwrap();
            assert_eq!(last(&path).unwrap().as_deref(), Some(note));
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), format!("{one}{two}"));
        // Killed in the middle of a third.
        fs::write(&path, format!("{one}{two}a\n3\n")).unwrap();
        assert_eq!(last(&path).unwrap().as_deref(), Some(two));
    }
}
