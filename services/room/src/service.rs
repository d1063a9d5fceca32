//! The room service: which message is which command, and where each is decided.

use std::borrow::Cow;

use avanzacast_kit::bus::{Delivery, Reply};
use avanzacast_schemas::{
    Actor, ActorKind, Code, Event, ParticipantUnknown, Refusal, Webhook,
    bus::{group, subject},
    command_id,
};
use avanzacast_worker::{
    Answer, CacheWrite, Decision, Decoded, Find, Moment, Service, Sweeps,
    messages::{body, recorded},
    store::{Change, Sql, StoreError, decode},
};
use bytes::Bytes;
use serde_json::{json, value::RawValue};

use crate::{
    facts::{Fact, RoomFact, StayFact},
    look::{self, Look, Repaired},
    rows::Stay,
    state::{Presence, Read},
    statements, webhook,
};

/// What the worker tells itself after it has asked LiveKit.
pub(crate) const LOOKED: &str = "room.looked";

/// Rooms in LiveKit, and who is in them.
pub struct RoomService;

/// Any of the service's commands.
#[derive(Debug)]
pub enum Command {
    /// LiveKit told us.
    Told(Told),
    /// We asked LiveKit.
    Looked(Looked),
}

/// What LiveKit told us.
#[derive(Debug)]
pub struct Told(Fact);

/// What we found.
#[derive(Debug)]
pub struct Looked(Look);

fn stay_key(stay: &StayFact) -> Cow<'static, str> {
    json!({"sid": stay.sid, "room": stay.room, "identity": stay.identity}).to_string().into()
}

fn life_key(room: &RoomFact) -> Cow<'static, str> {
    json!({ "life": room.sid }).to_string().into()
}

impl Service for RoomService {
    type Command = Command;
    /// Nobody asks it anything.
    type Query = std::convert::Infallible;
    type State = Presence;

    const NAME: &'static str = group::ROOM;
    const COMMANDS: &'static [&'static str] = &[];
    const QUERIES: &'static [&'static str] = &[];
    const ROWS: Sql = statements::BY_FACT;

    fn decode(&self, delivery: &Delivery) -> Result<Decoded<Command>, Refusal> {
        if delivery.subject == LOOKED {
            let id = delivery.command_id.clone().unwrap_or_default();
            return Ok(Decoded { id, command: Command::Looked(Looked(body(delivery)?)) });
        }
        let told: Webhook = body(delivery)?;
        if delivery.subject.strip_prefix(subject::LIVEKIT_PREFIX) != Some(told.kind.name()) {
            return Err(Refusal::new(Code::Malformed, "the subject is another webhook's"));
        }
        let id = command_id::keyed(&[subject::LIVEKIT_PREFIX, &told.id]);
        Ok(Decoded { id, command: Command::Told(Told(told.try_into()?)) })
    }

    fn keys<'a>(&self, command: &'a Command) -> Vec<Cow<'a, str>> {
        match command {
            Command::Told(Told(Fact::Started(room) | Fact::Finished(room))) => vec![life_key(room)],
            Command::Told(Told(Fact::Joined(stay) | Fact::Left(stay) | Fact::Aborted(stay))) => vec![stay_key(stay)],
            Command::Looked(Looked(look)) => {
                let stays = look.joined.iter().chain(&look.left).map(stay_key);
                stays.chain(look.started.iter().chain(&look.finished).map(life_key)).collect()
            }
        }
    }

    fn load(&self, rows: &str) -> Result<Presence, StoreError> {
        decode::<Read>(rows).map(Presence::from)
    }

    fn decide(&self, state: &mut Presence, command: &Command, moment: &mut Moment<'_>) -> Decision {
        match command {
            Command::Told(Told(fact)) => webhook::decide(state, fact, moment),
            Command::Looked(Looked(look)) => look::decide(state, look, moment),
        }
    }

    /// Nobody waits for one; what a look put right is told now that it is written.
    fn answer(&self, _: &Presence, command: &Command, record: &RawValue, first: bool) -> Result<Answer, Refusal> {
        if first && matches!(command, Command::Looked(_)) {
            recorded::<Repaired>(record)?.tell();
        }
        Ok(Answer { reply: Reply::done(204, Bytes::new()), cache: Vec::new() })
    }

    fn changes(&self, state: &Presence) -> Vec<Change> {
        state.changes()
    }

    fn query(&self, _: &Delivery) -> Result<Self::Query, Refusal> {
        Err(Refusal::new(Code::Malformed, "no such query"))
    }

    fn find(&self, query: &Self::Query) -> Find {
        match *query {}
    }

    fn look(&self, _: &Presence, query: &Self::Query, _: i64) -> Result<Answer, Refusal> {
        match *query {}
    }

    fn page(&self, _: &str, query: &Self::Query, _: i64) -> Result<Answer, Refusal> {
        match *query {}
    }
}

impl Sweeps for RoomService {
    const DUE: Sql = statements::DUE;
    const PRUNE: &'static [Sql] = statements::PRUNE;

    fn load_due(&self, rows: &str) -> Result<Presence, StoreError> {
        if rows == "[]" { Ok(Presence::default()) } else { self.load(rows) }
    }

    /// Reports whose token never came to us; whose did in the meantime is known from now on.
    fn expire(&self, state: &mut Presence, _: &mut Moment<'_>) -> (Vec<Event>, Vec<CacheWrite>) {
        let mut events = Vec::new();
        for mut stay in state.stays.all() {
            stay.report_at = None;
            match state.known(&stay.room, &stay.identity) {
                Some(known) => (stay.known, stay.participant) = (1, known.participant),
                None => events.extend(unknown(&stay)),
            }
            state.stays.put(stay);
        }
        (events, Vec::new())
    }
}

fn unknown(stay: &Stay) -> Option<Event> {
    Some(Event::ParticipantUnknown(ParticipantUnknown {
        actor: Actor::of(ActorKind::Sweep),
        room: stay.room.clone(),
        room_sid: stay.room_sid.clone(),
        sid: stay.sid.clone(),
        identity_hash: stay.identity_hash.clone()?,
        joined_at: avanzacast_kit::time::rfc3339(stay.joined_at?),
    }))
}
