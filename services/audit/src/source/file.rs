//! A file of lines, compressed with zstd when its name ends with `.zst`. They are slices of what was read, and not copied.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use bytes::{Bytes, BytesMut};
use tokio::sync::mpsc;

use super::{AHEAD, Line, SourceError};

/// Read at once.
const PIECE: usize = 1024 * 1024;
/// Four times what the bus takes as one message.
const LONGEST: usize = 1024 * 1024;

type Batches = mpsc::Receiver<Result<Vec<Line>, SourceError>>;

pub(super) fn read(path: &Path) -> Result<Batches, SourceError> {
    let file = path.to_owned();
    let input = open(path).map_err(|error| SourceError::NoFile(file.clone(), error))?;
    let (give, batches) = mpsc::channel(AHEAD);
    tokio::task::spawn_blocking(move || {
        let mut pieces = Pieces { input, file, rest: BytesMut::new(), number: 0, ended: false };
        while let Some(batch) = pieces.next().transpose() {
            let last = batch.is_err();
            if give.blocking_send(batch).is_err() || last {
                return;
            }
        }
    });
    Ok(batches)
}

fn open(path: &Path) -> io::Result<Box<dyn Read + Send>> {
    Ok(match path.extension() {
        _ if path.as_os_str() == "-" => Box::new(io::stdin()),
        Some(extension) if extension == "zst" => Box::new(zstd::Decoder::new(File::open(path)?)?),
        Some(_) | None => Box::new(File::open(path)?),
    })
}

struct Pieces {
    input: Box<dyn Read + Send>,
    /// What it is called.
    file: PathBuf,
    /// The beginning of a line whose end has not been read yet.
    rest: BytesMut,
    number: u64,
    ended: bool,
}

impl Pieces {
    /// The lines that end in the next piece; none after the last.
    fn next(&mut self) -> Result<Option<Vec<Line>>, SourceError> {
        while !self.ended {
            let start = self.rest.len();
            self.rest.resize(start + PIECE, 0);
            let read = match self.rest.get_mut(start..) {
                Some(room) => self.input.read(room).map_err(|error| SourceError::NoFile(self.file.clone(), error))?,
                None => 0,
            };
            self.rest.truncate(start + read);
            self.ended = read == 0;
            let lines = self.lines();
            if self.rest.len() > LONGEST {
                return Err(SourceError::Long { file: self.file.clone(), line: self.number + 1 });
            }
            if !lines.is_empty() {
                return Ok(Some(lines));
            }
        }
        Ok(None)
    }

    fn lines(&mut self) -> Vec<Line> {
        let end = match self.rest.iter().rposition(|byte| *byte == b'\n') {
            Some(last) => last + 1,
            // A last line may lack its end.
            None if self.ended => self.rest.len(),
            None => 0,
        };
        let mut piece = self.rest.split_to(end).freeze();
        let mut lines = Vec::new();
        while !piece.is_empty() {
            let end = piece.iter().position(|byte| *byte == b'\n');
            let line: Bytes = piece.split_to(end.unwrap_or(piece.len()));
            self.number += 1;
            lines.push((self.number, line));
            // The end of the line itself.
            drop(piece.split_to(usize::from(end.is_some())));
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives as little as it may.
    struct Slow(Vec<u8>);

    impl Read for Slow {
        fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
            let count = self.0.len().min(3).min(room.len());
            room[..count].copy_from_slice(&self.0[..count]);
            self.0.drain(..count);
            Ok(count)
        }
    }

    fn lines(text: &str) -> Vec<(u64, String)> {
        let input = Box::new(Slow(text.as_bytes().to_vec()));
        let mut pieces = Pieces { input, file: PathBuf::new(), rest: BytesMut::new(), number: 0, ended: false };
        let mut all = Vec::new();
        while let Some(batch) = pieces.next().unwrap() {
            all.extend(batch.into_iter().map(|(number, line)| (number, String::from_utf8(line.to_vec()).unwrap())));
        }
        all
    }

    #[test]
    fn lines_are_numbered_and_whole_however_they_are_read() {
        let expected = [(1, "first".to_owned()), (2, String::new()), (3, "third line".to_owned())];
        assert_eq!(lines("first\n\nthird line\n"), expected);
        assert_eq!(lines("first\n\nthird line"), expected, "a last line without an end");
        assert_eq!(lines(""), []);
    }
}
