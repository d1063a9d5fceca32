//! The files of an archive.

use std::{
    fs::{self, File},
    io::{self, BufRead, BufReader, BufWriter, Write},
    path::{Path, PathBuf},
};

use avanzacast_worker::ledger::{Frontier, Hash};
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

use super::{ArchiveError, Archived};
use crate::{Lines, Root, log::Consistency};

/// Fast, and already eight times smaller.
const LEVEL: i32 = 3;
/// Read at once.
const PIECE: usize = 256 * 1024;

/// A part of the ledger, and what its tree was before it and after it.
pub(super) struct Part {
    pub(super) first: u64,
    pub(super) last: u64,
    pub(super) begin: Frontier,
    pub(super) end: Frontier,
}

/// Writes the part, reads it back, and gives the files their names when it was found right.
pub(super) async fn write(
    lines: Lines,
    part: Part,
    hashes: Vec<Hash>,
    checkpoint: String,
    into: &Path,
) -> Result<Archived, ArchiveError> {
    fs::create_dir_all(into)?;
    let name = |end: &str| into.join(format!("{:012}-{:012}.{end}", part.first, part.last));
    let (events, proof) = (name("ndjson.zst"), name("proof"));
    let written = compressed(lines, part.last, into).await?;
    if !holds(written.path(), &part).await? {
        return Err(ArchiveError::Wrong(events));
    }
    let consistency = Consistency { old: part.last, hashes, checkpoint };
    let mut text = NamedTempFile::new_in(into)?;
    text.write_all(consistency.text().as_bytes())?;
    keep(text, &proof)?;
    keep(written, &events)?;
    // The names too are on disk before the ledger forgets.
    File::open(into)?.sync_all()?;
    let sha256 = HEXLOWER.encode(&sha256(&events)?);
    Ok(Archived { first: part.first, last: part.last, root: Root(part.end.root()), events, sha256, proof })
}

async fn compressed(mut lines: Lines, last: u64, into: &Path) -> Result<NamedTempFile, ArchiveError> {
    // The name says what it is to whoever reads it back.
    let file = tempfile::Builder::new().suffix(".zst").tempfile_in(into)?;
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

fn keep(file: NamedTempFile, path: &PathBuf) -> io::Result<()> {
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}
