//! `avanzacast audit replay`.

use std::{
    io::{BufWriter, stdout},
    str::FromStr,
};

use avanzacast_audit::{Filter, Format, Sink, Source, SourceError, Types, replay};
use avanzacast_kit::time;
use avanzacast_schemas::{ParticipantId, SessionId};
use clap::{Args, ValueEnum};

use super::{Failure, Origin, open, operator};

/// Handed to the system at once.
const OUTPUT_BYTES: usize = 256 * 1024;

/// What is wanted, and how.
#[derive(Debug, Args)]
pub(super) struct Replay {
    /// Only events of this type, or with `session.*` of all that begin so; may be repeated
    #[arg(long = "type", value_name = "TYPE")]
    types: Vec<String>,
    /// Only events about this session, by its id or by its participant `p_…`
    #[arg(long, value_name = "ID", value_parser = participant)]
    session: Option<ParticipantId>,
    /// Only events in this room
    #[arg(long)]
    room: Option<String>,
    /// From this place in the ledger on (1 is the first), or from this moment (2026-02-02T02:40:00Z, or with +02:00)
    #[arg(long)]
    from: Option<From>,
    /// `ndjson` is each event as it was recorded, byte for byte, on a line of its own; `table` is for people
    #[arg(long, value_enum, default_value_t = Shape::Ndjson)]
    format: Shape,
    /// Where to read
    #[arg(long, value_enum, default_value_t = Origin::Stream)]
    source: Origin,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Shape {
    Ndjson,
    Table,
}

/// Where to begin.
#[derive(Debug, Clone, Copy)]
pub(super) enum From {
    Place(u64),
    /// Unix milliseconds.
    Moment(i64),
}

impl FromStr for From {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(place) = text.parse() {
            return if place > 0 { Ok(Self::Place(place)) } else { Err("the first place is 1") };
        }
        time::parse_rfc3339(text).map(Self::Moment).ok_or("a place, or a moment with its offset: 2026-02-02T02:40:00Z")
    }
}

/// The record names participants only; a session's id leads to its own.
fn participant(text: &str) -> Result<ParticipantId, String> {
    if let Some(participant) = ParticipantId::named(text) {
        return Ok(participant);
    }
    SessionId::try_from(text.to_owned()).map(|id| id.participant()).map_err(|error| error.to_string())
}

impl Replay {
    pub(super) async fn run(self) -> Result<bool, Failure> {
        let (mut source, bus) = open(self.source).await?;
        let from = begin(&mut source, self.from).await?;
        let filter = Filter {
            types: self.types.iter().map(|text| Types::read(text)).collect(),
            participant: self.session,
            room: self.room,
        };
        let format = match self.format {
            Shape::Ndjson => Format::Ndjson,
            Shape::Table => Format::Table,
        };
        let mut sink = Sink::new(BufWriter::with_capacity(OUTPUT_BYTES, stdout()), format);
        replay(source.read(from), &filter, &mut sink).await?;
        drop(bus);
        Ok(true)
    }
}

pub(super) async fn begin(source: &mut Source, from: Option<From>) -> Result<u64, SourceError> {
    let first = source.first();
    match from {
        Some(From::Place(place)) if place < first => Err(SourceError::Gone { asked: place, first }),
        Some(From::Place(place)) => Ok(place),
        Some(From::Moment(moment)) => source.since(moment).await,
        None => {
            if first > 1 {
                operator::say(&format!("EVENTS begins at {first}; what was before is in the ledger (--source ledger)"));
            }
            Ok(first)
        }
    }
}
