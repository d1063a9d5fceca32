//! The session service: which message is which command, and where each is decided.

use std::borrow::Cow;

use avanzacast_kit::{
    bus::{Delivery, Reply},
    time,
};
use avanzacast_schemas::{
    Actor, ActorKind, Code, Event, GetSession, Refusal, SessionExpiredEvent,
    bus::{group, subject},
    command_id,
};
use avanzacast_worker::{
    Answer, CacheWrite, Decision, Decoded, Find, Moment, Service, Sweeps,
    store::{Change, Sql, StoreError, decode},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;

use crate::{
    cached,
    commands::{Command, consume, create, register},
    rules::Rules,
    state::{Sessions, State},
    store,
};

/// Sessions and tokens.
pub struct SessionService(Rules);

impl SessionService {
    /// By these rules.
    #[must_use]
    pub fn new(rules: Rules) -> Self {
        Self(rules)
    }
}

fn body<T: DeserializeOwned>(delivery: &Delivery) -> Result<T, Refusal> {
    serde_json::from_slice(&delivery.payload).map_err(|error| Refusal::new(Code::Malformed, error.to_string()))
}

/// The headers that a command of our own services carries.
fn headers(delivery: &Delivery) -> Result<(String, Actor), Refusal> {
    let id = delivery.command_id.clone().ok_or_else(|| Refusal::new(Code::Malformed, "Command-Id is missing"))?;
    let actor = delivery.actor.clone().ok_or_else(|| Refusal::new(Code::Malformed, "Actor is missing"))?;
    Ok((id, actor))
}

fn reply(status: u16, body: &impl Serialize) -> Result<Reply, Refusal> {
    serde_json::to_vec(body).map(|body| Reply::done(status, body)).map_err(|_| Code::Internal.into())
}

fn recorded<T: DeserializeOwned>(record: &RawValue) -> Result<T, Refusal> {
    serde_json::from_str(record.get()).map_err(|error| {
        tracing::error!(%error, "a record of the inbox cannot be read");
        Code::Internal.into()
    })
}

impl Service for SessionService {
    type Command = Command;
    type Query = GetSession;
    type State = Sessions;

    const NAME: &'static str = group::SESSION;
    const COMMANDS: &'static [&'static str] = &[subject::SESSION_CREATE, subject::SESSION_CONSUME];
    const QUERIES: &'static [&'static str] = &[subject::SESSION_GET];
    const ROWS: Sql = store::BY_ID;

    fn decode(&self, delivery: &Delivery) -> Result<Decoded<Command>, Refusal> {
        match delivery.subject.as_str() {
            subject::SESSION_CREATE => {
                let (id, actor) = headers(delivery)?;
                Ok(Decoded { id, command: Command::Create(body(delivery)?, actor) })
            }
            subject::SESSION_CONSUME => {
                let (id, actor) = headers(delivery)?;
                Ok(Decoded { id, command: Command::Consume(body(delivery)?, actor) })
            }
            subject::TOKEN_REGISTER => {
                let command: avanzacast_schemas::RegisterToken = body(delivery)?;
                let id = command_id::keyed(&[&delivery.subject, command.session_id.as_str(), &command.token]);
                Ok(Decoded { id, command: Command::Register(command) })
            }
            _ => Err(Refusal::new(Code::Malformed, "no such command")),
        }
    }

    fn keys<'a>(&self, command: &'a Command) -> Vec<Cow<'a, str>> {
        match command {
            Command::Create(..) => Vec::new(),
            Command::Consume(consume, _) => vec![consume.id.as_str().into()],
            Command::Register(register) => vec![register.session_id.as_str().into()],
        }
    }

    fn load(&self, rows: &str) -> Result<Sessions, StoreError> {
        let mut sessions = Sessions::default();
        for row in decode::<Vec<store::Row>>(rows)? {
            sessions.insert_read(row.into());
        }
        Ok(sessions)
    }

    fn decide(&self, state: &mut Sessions, command: &Command, moment: &mut Moment<'_>) -> Decision {
        match command {
            Command::Create(command, actor) => create::decide(state, command, actor, &self.0, moment),
            Command::Consume(command, actor) => consume::decide(state, command, actor, &self.0, moment),
            Command::Register(command) => register::decide(state, command, &self.0, moment),
        }
    }

    fn answer(&self, state: &Sessions, command: &Command, record: &RawValue, first: bool) -> Result<Answer, Refusal> {
        match command {
            Command::Create(..) => {
                let record: create::Record = recorded(record)?;
                // Only now may nothing be there: a repetition must not bring back what has ended since.
                let session = if first { state.get(record.id()) } else { None };
                let cache = session.map(|session| cached::fill(session, &self.0, session.created_at)).transpose()?;
                Ok(Answer { reply: reply(201, &create::answer(&record, &self.0))?, cache })
            }
            Command::Consume(command, _) => {
                let record: consume::Record = recorded(record)?;
                let session = state.get(&command.id).ok_or(Code::SessionNotFound)?;
                let answer = consume::answer(state, command, &record, &self.0)?;
                Ok(Answer { reply: reply(200, &answer)?, cache: Some(cached::end(session, i64::MIN)?) })
            }
            Command::Register(_) => {
                let record: register::Record = recorded(record)?;
                let session = if first { state.get(&record.id) } else { None };
                let cache = session.map(|session| cached::fill(session, &self.0, session.created_at)).transpose()?;
                Ok(Answer { reply: reply(201, &serde_json::json!({ "id": record.id }))?, cache })
            }
        }
    }

    fn changes(&self, state: &Sessions) -> Vec<Change> {
        state.changes()
    }

    fn query(&self, delivery: &Delivery) -> Result<GetSession, Refusal> {
        body(delivery)
    }

    fn find(&self, query: &GetSession) -> Find {
        Find::Rows(vec![query.id.as_str().to_owned()])
    }

    fn look(&self, state: &Sessions, query: &GetSession, now: i64) -> Result<Answer, Refusal> {
        cached::look(state.get(&query.id).ok_or(Code::SessionNotFound)?, &self.0, now)
    }

    fn page(&self, _: &str, _: &GetSession, _: i64) -> Result<Answer, Refusal> {
        Err(Code::Internal.into())
    }
}

impl Sweeps for SessionService {
    const DUE: Sql = store::DUE;
    const PRUNE: Sql = store::PRUNE;

    fn load_due(&self, rows: &str) -> Result<Sessions, StoreError> {
        self.load(rows)
    }

    fn expire(&self, state: &mut Sessions, moment: &mut Moment<'_>) -> (Vec<Event>, Vec<CacheWrite>) {
        let (mut events, mut ends) = (Vec::new(), Vec::new());
        for id in state.ids() {
            let Some(mut session) = state.get(&id).cloned() else { continue };
            if session.state != State::Open || session.is_open(moment.now) {
                continue;
            }
            session.state = State::Expired;
            events.push(Event::SessionExpired(SessionExpiredEvent {
                actor: Actor::of(ActorKind::Sweep),
                participant: session.id.participant(),
                room: session.room.clone(),
                expired_at: time::rfc3339(session.expires_at),
            }));
            ends.extend(cached::end(&session, moment.now));
            state.update(session);
        }
        (events, ends)
    }
}
