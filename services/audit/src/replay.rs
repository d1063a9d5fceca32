//! Giving events out.

use std::io::{self, ErrorKind, Write};

use crate::{Filter, Lines, Sink, SourceError};

/// It ended too early.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// Lines could not be had.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// Lines could not be written.
    #[error("the output does not take it")]
    Sink(#[from] io::Error),
}

/// Gives every wanted line to the sink, in order. A reader who has seen enough (a closed pipe) ends it quietly.
///
/// # Errors
/// Lines cannot be had or written; those before have been.
pub async fn replay<W: Write>(mut lines: Lines, filter: &Filter, sink: &mut Sink<W>) -> Result<(), ReplayError> {
    let result = async {
        while let Some(batch) = lines.next().await? {
            for line in batch.iter().filter(|(_, line)| filter.wants(line)) {
                sink.write(line)?;
            }
        }
        Ok(())
    };
    let replayed = result.await;
    let ended = match (replayed, sink.flush()) {
        (Err(error), _) => Err(error),
        (Ok(()), flushed) => flushed.map_err(ReplayError::from),
    };
    match ended {
        Err(ReplayError::Sink(error)) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        ended => ended,
    }
}
