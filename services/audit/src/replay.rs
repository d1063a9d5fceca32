//! Giving events out.

use std::io::{self, ErrorKind, Write};

use tokio_util::sync::CancellationToken;

use crate::{CloudEvent, Fault, Filter, Line, Lines, Sink, SourceError};

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

/// How it ended.
#[derive(Debug)]
pub enum Ended {
    /// There is no more.
    Done,
    /// Its reader has seen enough: a closed pipe.
    Enough,
    /// It was told to.
    Stopped,
    /// It could not go on.
    Failed(ReplayError),
}

/// What came of it.
#[derive(Debug)]
pub struct Replayed {
    /// The last place that was looked at; every wanted event up to there has been given. 0 before the first.
    pub through: u64,
    /// The first event that is none, or does not say that it stands where it does. It has been given all the same.
    pub fault: Option<Fault>,
    /// How it ended.
    pub ended: Ended,
}

/// Gives every wanted line to the sink, in order, until there are no more or it is told to stop, and tells `seen` after each
/// batch how far it has come. Each line is one event, and stands where it says, or that is told in the end.
pub async fn replay<W: Write>(
    mut lines: Lines,
    filter: &Filter,
    sink: &mut Sink<W>,
    stop: &CancellationToken,
    mut seen: impl FnMut(u64),
) -> Replayed {
    let mut replayed = Replayed { through: 0, fault: None, ended: Ended::Done };
    loop {
        let batch = tokio::select! {
            biased;
            () = stop.cancelled() => {
                replayed.ended = Ended::Stopped;
                return replayed;
            }
            batch = lines.next() => batch,
        };
        let written = match batch {
            Ok(Some(batch)) => give(&batch, filter, sink, &mut replayed),
            Ok(None) => return replayed,
            Err(error) => {
                replayed.ended = Ended::Failed(error.into());
                return replayed;
            }
        };
        match written {
            Ok(()) => seen(replayed.through),
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                replayed.ended = Ended::Enough;
                return replayed;
            }
            Err(error) => {
                replayed.ended = Ended::Failed(error.into());
                return replayed;
            }
        }
    }
}

/// What is given is out of our hands before it is counted.
fn give<W: Write>(batch: &[Line], filter: &Filter, sink: &mut Sink<W>, replayed: &mut Replayed) -> io::Result<()> {
    for line in batch {
        if replayed.fault.is_none() {
            replayed.fault = misplaced(line);
        }
        if filter.wants(&line.1) {
            sink.write(line)?;
        }
    }
    sink.flush()?;
    replayed.through = batch.last().map_or(replayed.through, |(place, _)| *place);
    Ok(())
}

fn misplaced((number, line): &Line) -> Option<Fault> {
    match CloudEvent::read(line) {
        Err(why) => Some(Fault::NoEvent { number: *number, why }),
        Ok(event) => {
            let found = event.place().unwrap_or_default();
            (found != *number).then_some(Fault::Place { number: *number, expected: *number, found })
        }
    }
}
