//! `avanzacast audit replay`.

use std::{
    io::{BufWriter, stdout},
    str::FromStr,
};

use avanzacast_audit::{Ended, Filter, Format, Lines, Reach, Replayed, Sink, Source, SourceError, Types, replay};
use avanzacast_kit::time;
use avanzacast_schemas::{ParticipantId, SessionId};
use avanzacast_worker::store::Store;
use clap::{Args, ValueEnum};
use uuid::Uuid;

use super::{Failure, Origin, ledger, open, operator, progress::Progress, stop};

/// Handed to the system at once.
const OUTPUT_BYTES: usize = 256 * 1024;

/// Gives out events in order. Options that ask for something may be repeated: of several values of one any will do, and all
/// that are given must fit.
///
/// With `--source ledger`, what is asked about a session, room, user or broadcast is found by the index. In the end the last
/// place that was looked at stands on standard error: `--after` it goes on. Exit code 0: done; 1: it ended before, or an
/// event is not what it should be; 2: wrong usage or configuration.
#[derive(Debug, Args)]
pub(super) struct Replay {
    /// Only events of this type, or with `session.*` of all that begin so
    #[arg(long = "type", value_name = "TYPE")]
    types: Vec<String>,
    /// Only events about this session, by its id or by its participant `p_…`
    #[arg(long, value_name = "ID", value_parser = participant)]
    session: Vec<ParticipantId>,
    /// Only events in this room
    #[arg(long)]
    room: Vec<String>,
    /// Only events about this user, or what they registered or own
    #[arg(long, value_name = "ID")]
    user: Vec<i64>,
    /// Only events about this broadcast, or in its room
    #[arg(long, value_name = "ID")]
    broadcast: Vec<Uuid>,
    /// From this place in the ledger on (1 is the first), or from this moment (2026-02-02T02:40:00Z, or with +02:00)
    #[arg(long)]
    from: Option<From>,
    /// From the place after this one on: where another replay ended
    #[arg(long, value_name = "SEQ", conflicts_with = "from")]
    after: Option<u64>,
    /// Up to this place, or to what happened before this moment
    #[arg(long)]
    to: Option<From>,
    /// Waits for what happens, until it is interrupted
    #[arg(long, conflicts_with = "to")]
    follow: bool,
    /// `ndjson` is each event as it was recorded, byte for byte, on a line of its own; `table` is for people
    #[arg(long, value_enum, default_value_t = Shape::Ndjson)]
    format: Shape,
    /// Where to read
    #[arg(long, value_enum, default_value_t = Origin::Stream)]
    source: Origin,
    /// Says on standard error how far it is, also where that is no terminal
    #[arg(long)]
    progress: bool,
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
pub(super) fn participant(text: &str) -> Result<ParticipantId, String> {
    if let Some(participant) = ParticipantId::named(text) {
        return Ok(participant);
    }
    SessionId::try_from(text.to_owned()).map(|id| id.participant()).map_err(|error| error.to_string())
}

impl Replay {
    pub(super) async fn run(self) -> Result<bool, Failure> {
        let (mut source, bus) = open(self.source).await?;
        let from = match self.after {
            Some(after) if after > source.last() => {
                return Err(SourceError::Shrunk { place: after, last: source.last() }.into());
            }
            Some(after) => begin(&mut source, Some(From::Place(after + 1))).await?,
            None => begin(&mut source, self.from).await?,
        };
        let through = end(&mut source, self.to).await?.min(source.last());
        let filter = self.filter();
        let format = match self.format {
            Shape::Ndjson => Format::Ndjson,
            Shape::Table => Format::Table,
        };
        let mut progress = Progress::new(self.progress, from, (!self.follow).then_some(through));
        let stop = stop::when_interrupted();
        let mut sink = Sink::new(BufWriter::with_capacity(OUTPUT_BYTES, stdout()), format);
        let lines = self.lines(source, &filter, (from, through)).await?;
        let replayed = replay(lines, &filter, &mut sink, &stop, |place| progress.at(place)).await;
        progress.end();
        drop(bus);
        ended(replayed, through.max(from - 1), self.follow)
    }

    fn filter(&self) -> Filter {
        Filter {
            types: self.types.iter().map(|text| Types::read(text)).collect(),
            participants: self.session.clone(),
            rooms: self.room.clone(),
            users: self.user.clone(),
            broadcasts: self.broadcast.clone(),
            ..Filter::default()
        }
    }

    async fn lines(&self, source: Source, filter: &Filter, (from, through): (u64, u64)) -> Result<Lines, Failure> {
        match (self.follow, self.source, filter.keys().into_iter().next()) {
            (true, _, _) => Ok(source.follow(from)),
            (false, Origin::Ledger, Some(keys)) => {
                let store = Store::new(ledger()?);
                let (lines, reach) = Lines::of_index(&store, keys, from, through).await?;
                say_reach(&reach);
                Ok(lines)
            }
            (false, Origin::Stream | Origin::Ledger, _) => Ok(source.read_through(from, through)),
        }
    }
}

/// Says how far the index goes.
pub(super) fn say_reach(Reach { cut: _, indexed, size }: &Reach) {
    operator::say(&match size.saturating_sub(*indexed) {
        0 => format!("the index reaches {indexed}, the ledger's end"),
        rest => format!("the index reaches {indexed}; the {rest} events after it were looked at one by one"),
    });
}

/// Whether all is well. `last` is where it should have ended.
fn ended(replayed: Replayed, last: u64, follow: bool) -> Result<bool, Failure> {
    let Replayed { through, fault, ended } = replayed;
    if let Some(fault) = &fault {
        operator::say(&format!("avanzacast: {fault}; it was given all the same, see `audit verify`"));
    }
    let well = fault.is_none();
    match ended {
        Ended::Done => operator::say(&format!("last {last}")),
        // Whoever has seen enough wants to hear no more.
        Ended::Enough => {}
        Ended::Stopped => {
            operator::say(&format!("last {through}"));
            return Ok(well && follow);
        }
        Ended::Failed(error) => {
            operator::say(&format!("last {through}"));
            return Err(error.into());
        }
    }
    Ok(well)
}

pub(super) async fn begin(source: &mut Source, from: Option<From>) -> Result<u64, SourceError> {
    let first = source.first();
    match from {
        Some(From::Place(place)) if place < first => Err(source.before(place)),
        Some(From::Place(place)) => Ok(place),
        Some(From::Moment(moment)) => source.since(moment).await,
        None => {
            if first > 1 {
                operator::say(&match source.head() {
                    None => format!("EVENTS begins at {first}; what was before is in the ledger (--source ledger)"),
                    Some(_) => {
                        format!("the ledger begins at {first}; what was before is in the files of `audit archive`")
                    }
                });
            }
            Ok(first)
        }
    }
}

/// The last place that is asked for.
async fn end(source: &mut Source, to: Option<From>) -> Result<u64, SourceError> {
    match to {
        Some(From::Place(place)) => Ok(place),
        Some(From::Moment(moment)) => Ok(source.since(moment).await?.saturating_sub(1)),
        None => Ok(u64::MAX),
    }
}
