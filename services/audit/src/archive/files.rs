//! The files of an archive. Nothing that has its name is ever written over: it may be all that there is of its events.

use std::{
    fs::{self, File, TryLockError},
    io::{self, BufRead, BufReader, BufWriter, Write},
    path::{Path, PathBuf},
};

use avanzacast_worker::ledger::{Frontier, Hash};
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

use super::{ArchiveError, Archived};
use crate::{
    Lines, Root,
    log::{Checkpoint, Consistency},
};

/// Fast, and already eight times smaller.
const LEVEL: i32 = 3;
/// Read at once.
const PIECE: usize = 256 * 1024;

/// What is still being written begins so: whoever is killed leaves it behind, with events in it.
const UNFINISHED: &str = ".archiving-";

/// The folder, for as long as one archives into it.
pub(super) struct Folder {
    path: PathBuf,
    handle: File,
}

impl Folder {
    /// Takes it, and removes what was left behind.
    pub(super) fn take(path: &Path) -> Result<Self, ArchiveError> {
        fs::create_dir_all(path)?;
        let (path, handle) = (path.to_owned(), File::open(path)?);
        match handle.try_lock() {
            Ok(()) => tidy(&path)?,
            Err(TryLockError::WouldBlock) => return Err(ArchiveError::Busy(path)),
            // Without locks nobody can say what is left over and what is being written.
            Err(TryLockError::Error(_)) => {}
        }
        Ok(Self { path, handle })
    }
}

fn tidy(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().as_encoded_bytes().starts_with(UNFINISHED.as_bytes()) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// A part of the ledger, and what its tree was before it and after it.
pub(super) struct Part {
    /// Whose part it is: another ledger has other events at the same places.
    pub(super) ledger_id: String,
    pub(super) first: u64,
    pub(super) last: u64,
    pub(super) begin: Frontier,
    pub(super) end: Frontier,
}

/// Writes the part, reads it back, and gives the files their names when it was found right. Files that have these names
/// already stay as they are, and must be as right: an archive that was interrupted has left them.
pub(super) async fn write(
    lines: Lines,
    part: Part,
    hashes: Vec<Hash>,
    checkpoint: String,
    into: &Folder,
) -> Result<Archived, ArchiveError> {
    let Part { ledger_id, first, last, begin: _, end } = &part;
    let (first, last, root) = (*first, *last, Root(end.root()));
    let name = |end: &str| into.path.join(format!("{ledger_id}-{first:012}-{last:012}.{end}"));
    let (events, proof) = (name("ndjson.zst"), name("proof"));
    if events.try_exists()? {
        // What cannot be read is not what was written.
        if !holds(&events, &part).await.unwrap_or(false) {
            return Err(ArchiveError::Taken(events));
        }
    } else {
        let written = compressed(lines, last, &into.path).await?;
        if !holds(written.path(), &part).await? {
            return Err(ArchiveError::Wrong(events));
        }
        keep(written, &events)?;
    }
    if proof.try_exists()? {
        if !proves(&fs::read(&proof)?, last, root) {
            return Err(ArchiveError::Taken(proof));
        }
    } else {
        let mut text = unfinished("").tempfile_in(&into.path)?;
        text.write_all(Consistency { old: last, hashes, checkpoint }.text().as_bytes())?;
        keep(text, &proof)?;
    }
    // The names too are on disk before the ledger forgets.
    into.handle.sync_all()?;
    let sha256 = HEXLOWER.encode(&sha256(&events)?);
    Ok(Archived { first, last, root, events, sha256, proof })
}

fn unfinished(suffix: &str) -> tempfile::Builder<'static, '_> {
    let mut file = tempfile::Builder::new();
    file.prefix(UNFINISHED).suffix(suffix);
    file
}

async fn compressed(mut lines: Lines, last: u64, into: &Path) -> Result<NamedTempFile, ArchiveError> {
    // The name says what it is to whoever reads it back.
    let file = unfinished(".zst").tempfile_in(into)?;
    let mut out = zstd::Encoder::new(BufWriter::new(file), LEVEL)?;
    out.include_checksum(true)?;
    'all: while let Some(batch) = lines.next().await? {
        for (place, line) in batch {
            if place > last {
                break 'all;
            }
            out.write_all(&line)?;
            out.write_all(b"\n")?;
        }
    }
    Ok(out.finish()?.into_inner().map_err(io::IntoInnerError::into_error)?)
}

/// Whether the file, as it is on disk, leads from the one tree to the other.
async fn holds(file: &Path, part: &Part) -> Result<bool, ArchiveError> {
    File::open(file)?.sync_all()?;
    let (mut lines, mut tree) = (Lines::of_file(file)?, part.begin.clone());
    while let Some(batch) = lines.next().await? {
        batch.iter().for_each(|(_, line)| tree.append(line));
    }
    Ok(tree == part.end)
}

/// Whether this is the proof, by whatever checkpoint, that the ledger begins with a tree.
fn proves(text: &[u8], size: u64, root: Root) -> bool {
    let read = || {
        let proof = Consistency::read(str::from_utf8(text).ok()?).ok()?;
        let checkpoint = Checkpoint::unverified(&proof.checkpoint).ok()?;
        Some(proof.old == size && proof.holds(root, checkpoint.size, checkpoint.root))
    };
    read().unwrap_or(false)
}

fn sha256(file: &Path) -> io::Result<[u8; 32]> {
    let (mut digest, mut file) = (Sha256::new(), BufReader::with_capacity(PIECE, File::open(file)?));
    loop {
        let piece = file.fill_buf()?;
        if piece.is_empty() {
            return Ok(digest.finalize().into());
        }
        digest.update(piece);
        let read = piece.len();
        file.consume(read);
    }
}

fn keep(file: NamedTempFile, path: &Path) -> io::Result<()> {
    file.as_file().sync_all()?;
    file.persist_noclobber(path).map_err(|error| error.error)?;
    Ok(())
}
