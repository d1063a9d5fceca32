//! `avanzacast audit who`.

use std::path::PathBuf;

use avanzacast_audit::answers::{Within, who};
use avanzacast_kit::time;
use avanzacast_schemas::{
    Invalid, Moment, ParticipantId, RoomName,
    who::{About, Period},
};
use avanzacast_worker::store::Store;
use clap::{ArgGroup, Args};
use uuid::Uuid;

use super::{
    Failure, ledger, operator,
    replay::{participant, room},
    told,
};

/// Says who could enter a room, who entered, and who entered without a token of ours: with which token, minted by whom, used,
/// resumed, revoked or expired, when they came and went; and what it cannot say. What people are called is shown as proved
/// where it is what the ledger has the hash of. It reads the database.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("whom").required(true).args(["room", "broadcast", "session"])))]
pub(super) struct Who {
    /// Of this room
    #[arg(long, value_parser = room)]
    room: Option<RoomName>,
    /// Of this broadcast's room
    #[arg(long, value_name = "ID")]
    broadcast: Option<Uuid>,
    /// Of this session, by its id or by its participant `p_…`, ever
    #[arg(long, value_name = "ID", value_parser = participant)]
    session: Option<ParticipantId>,
    /// At this moment (2026-02-02T02:40:00Z, or with +02:00); for a room, now unless told
    #[arg(long, value_parser = moment, conflicts_with_all = ["from", "to"])]
    at: Option<Moment>,
    /// At any time from this moment on
    #[arg(long, value_parser = moment)]
    from: Option<Moment>,
    /// At any time up to this moment
    #[arg(long, value_parser = moment)]
    to: Option<Moment>,
    /// A file of `audit archive`, for what the ledger has no more; may be repeated
    #[arg(long, value_name = "FILE")]
    archive: Vec<PathBuf>,
    /// As JSON
    #[arg(long)]
    json: bool,
}

fn moment(text: &str) -> Result<Moment, Invalid> {
    text.parse()
}

impl Who {
    pub(super) async fn run(self) -> Result<bool, Failure> {
        let (about, period) = (self.about()?, self.period()?);
        if self.archive.iter().any(|file| file.as_os_str() == "-") {
            return Err(usage("--archive: standard input can be read only once; name a file"));
        }
        let store = Store::new(ledger()?);
        let answer = who(&store, &about, period, &self.archive, Within::ALL).await?;
        operator::write(&if self.json {
            format!("{}\n", serde_json::to_string(&answer)?)
        } else {
            told::who(&answer)
        })?;
        Ok(true)
    }

    fn about(&self) -> Result<About, Failure> {
        match (&self.room, self.broadcast, &self.session) {
            (_, _, Some(participant)) => Ok(About::Session(participant.clone())),
            (_, Some(broadcast), None) => Ok(About::Room(RoomName::of_broadcast(broadcast))),
            (Some(room), None, None) => Ok(About::Room(room.clone())),
            (None, None, None) => Err(usage("which room, broadcast or session?")),
        }
    }

    fn period(&self) -> Result<Option<Period>, Failure> {
        let Period { from: first, to: last } = Period::ALWAYS;
        match (self.at, self.from, self.to) {
            (Some(at), _, _) => Ok(Some(Period { from: at, to: at })),
            (None, None, None) if self.session.is_some() => Ok(None),
            (None, None, None) => {
                let now = Moment(time::now_ms());
                Ok(Some(Period { from: now, to: now }))
            }
            (None, from, to) => {
                let period = Period { from: from.unwrap_or(first), to: to.unwrap_or(last) };
                if period.from <= period.to { Ok(Some(period)) } else { Err(usage("--from is after --to")) }
            }
        }
    }
}

fn usage(text: &str) -> Failure {
    operator::Usage(text.to_owned()).into()
}
