//! `avanzacast audit replay`.

use std::{
    io::{BufWriter, stdout},
    str::FromStr,
};

use avanzacast_audit::{Ended, Filter, Format, Lines, Reach, Replayed, Sink, Source, SourceError, Types, replay};
use avanzacast_kit::time;
use avanzacast_schemas::{EventTypes, Invalid, ParticipantId, RoomName};
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
    #[arg(long = "type", value_name = "TYPE", value_parser = types)]
    types: Vec<EventTypes>,
    /// Only events about this session, by its id or by its participant `p_…`
    #[arg(long, value_name = "ID", value_parser = participant)]
    session: Vec<ParticipantId>,
    /// Only events in this room
    #[arg(long, value_parser = room)]
    room: Vec<RoomName>,
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

/// The last place that a ledger may have.
const MOST: u64 = i64::MAX.cast_unsigned();

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
            return match place {
                0 => Err("the first place is 1"),
                // Ledgers count as databases do.
                1..=MOST => Ok(Self::Place(place)),
                _ => Err("no ledger goes so far"),
            };
        }
        time::parse_rfc3339(text).map(Self::Moment).ok_or("a place, or a moment with its offset: 2026-02-02T02:40:00Z")
    }
}

/// The record names participants only; a session's id leads to its own.
pub(super) fn participant(text: &str) -> Result<ParticipantId, Invalid> {
    ParticipantId::asked(text.to_owned())
}

pub(super) fn room(text: &str) -> Result<RoomName, Invalid> {
    RoomName::try_from(text.to_owned())
}

fn types(text: &str) -> Result<EventTypes, Invalid> {
    EventTypes::try_from(text.to_owned())
}

impl Replay {
    pub(super) async fn run(self) -> Result<bool, Failure> {
        in_order(self.from, self.to)?;
        let filter = self.filter();
        let (mut source, bus) = open(self.source).await?;
        let last = source.last();
        let from = match self.after {
            Some(after) if after > last => {
                return Err(SourceError::Shrunk { place: after, last }.into());
            }
            Some(after) => begin(&mut source, Some(From::Place(after + 1))).await?,
            None => begin(&mut source, self.from).await?,
        };
        let through = end(&mut source, self.to).await?.min(last);
        let format = match self.format {
            Shape::Ndjson => Format::Ndjson,
            Shape::Table => Format::Table,
        };
        let mut progress = Progress::new(self.progress, from, (!self.follow).then_some(through));
        let stop = stop::when_interrupted();
        let mut sink = Sink::new(BufWriter::with_capacity(OUTPUT_BYTES, stdout()), format);
        let lines = self.lines(source, &filter, (from, through)).await?;
        let mut replayed = replay(lines, &filter, &mut sink, &stop, |place| progress.at(place)).await;
        // Nothing came yet: it goes on where it was to begin.
        replayed.through = replayed.through.max(from - 1).min(last.max(replayed.through));
        progress.end();
        drop(bus);
        // A place that the record does not have yet is no place to go on from.
        ended(replayed, through.max(from - 1).min(last), self.follow)
    }

    fn filter(&self) -> Filter {
        Filter {
            types: self.types.iter().map(|types| Types::read(types.as_str())).collect(),
            participants: self.session.clone(),
            rooms: self.room.iter().map(ToString::to_string).collect(),
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

/// An end that lies before its beginning was not meant.
pub(super) fn in_order(from: Option<From>, to: Option<From>) -> Result<(), Failure> {
    let turned = match (from, to) {
        (Some(From::Place(from)), Some(From::Place(to))) => from > to,
        (Some(From::Moment(from)), Some(From::Moment(to))) => from > to,
        // Which of them is later only the record says.
        (Some(From::Place(_)), Some(From::Moment(_))) | (Some(From::Moment(_)), Some(From::Place(_))) => false,
        (None, _) | (_, None) => false,
    };
    if turned { Err(operator::Usage("--from is after --to".to_owned()).into()) } else { Ok(()) }
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
