//! The studio service: which message is which command or query, and where each is decided.

use std::borrow::Cow;

use avanzacast_kit::bus::{Delivery, Reply};
use avanzacast_schemas::{
    Actor, Code, Refusal,
    bus::{group, subject},
};
use avanzacast_worker::{
    Answer, Decision, Decoded, Find, Moment, Service,
    store::{Change, Sql, StoreError, decode},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;

use crate::{
    commands::{Changed, Command, create_broadcast, create_user, end_broadcast, start_broadcast},
    queries::{List, Query},
    state::Studio,
    store,
};

/// Users and broadcasts.
#[derive(Debug, Default)]
pub struct StudioService;

fn body<T: DeserializeOwned>(delivery: &Delivery) -> Result<T, Refusal> {
    serde_json::from_slice(&delivery.payload).map_err(|error| Refusal::new(Code::Malformed, error.to_string()))
}

/// The headers that a command of our own services carries.
fn headers(delivery: &Delivery) -> Result<(String, Actor), Refusal> {
    let id = delivery.command_id.clone().ok_or_else(|| Refusal::new(Code::Malformed, "Command-Id is missing"))?;
    let actor = delivery.actor.clone().ok_or_else(|| Refusal::new(Code::Malformed, "Actor is missing"))?;
    Ok((id, actor))
}

fn reply(status: u16, body: &impl Serialize) -> Result<Answer, Refusal> {
    let body = serde_json::to_vec(body).map_err(|_| Code::Internal)?;
    Ok(Answer { reply: Reply::done(status, body), cache: None })
}

fn recorded<T: DeserializeOwned>(record: &RawValue) -> Result<T, Refusal> {
    serde_json::from_str(record.get()).map_err(|error| {
        tracing::error!(%error, "a record of the inbox cannot be read");
        Code::Internal.into()
    })
}

impl Service for StudioService {
    type Command = Command;
    type Query = Query;
    type State = Studio;

    const NAME: &'static str = group::STUDIO;
    const COMMANDS: &'static [&'static str] =
        &[subject::USER_CREATE, subject::BROADCAST_CREATE, subject::BROADCAST_START, subject::BROADCAST_END];
    const QUERIES: &'static [&'static str] = &[subject::USER_GET, subject::BROADCAST_GET, subject::BROADCAST_LIST];
    const ROWS: Sql = store::BY_KEY;

    fn decode(&self, delivery: &Delivery) -> Result<Decoded<Command>, Refusal> {
        let (id, actor) = headers(delivery)?;
        let command = match delivery.subject.as_str() {
            subject::USER_CREATE => Command::CreateUser(body(delivery)?, actor),
            subject::BROADCAST_CREATE => Command::CreateBroadcast(body(delivery)?, actor),
            subject::BROADCAST_START => Command::Start(body(delivery)?, actor),
            subject::BROADCAST_END => Command::End(body(delivery)?, actor),
            _ => return Err(Refusal::new(Code::Malformed, "no such command")),
        };
        Ok(Decoded { id, command })
    }

    fn keys<'a>(&self, command: &'a Command) -> Vec<Cow<'a, str>> {
        match command {
            Command::CreateUser(create, _) => create_user::keys(create).map(Cow::from).into(),
            Command::CreateBroadcast(create, _) => create_broadcast::keys(create).into_iter().map(Cow::from).collect(),
            Command::Start(start, _) => vec![format!("b:{}", start.id).into()],
            Command::End(end, _) => vec![format!("b:{}", end.id).into()],
        }
    }

    fn load(&self, rows: &str) -> Result<Studio, StoreError> {
        Ok(decode::<store::Rows>(rows)?.into_state())
    }

    fn decide(&self, state: &mut Studio, command: &Command, moment: &mut Moment<'_>) -> Decision {
        let decided = match command {
            Command::CreateUser(command, actor) => create_user::decide(state, command, actor, moment),
            Command::CreateBroadcast(command, actor) => create_broadcast::decide(state, command, actor, moment),
            Command::Start(command, actor) => start_broadcast::decide(state, *command, actor, moment),
            Command::End(command, actor) => end_broadcast::decide(state, *command, actor, moment),
        };
        decided.unwrap_or_else(Decision::from)
    }

    fn answer(&self, state: &Studio, command: &Command, record: &RawValue, _: bool) -> Result<Answer, Refusal> {
        match command {
            Command::CreateUser(command, _) => reply(201, &create_user::answer(command, &recorded(record)?)),
            Command::CreateBroadcast(command, _) => reply(201, &create_broadcast::answer(command, &recorded(record)?)),
            Command::Start(command, _) => reply(200, &recorded::<Changed>(record)?.answer(state, command.id)?),
            Command::End(command, _) => reply(200, &recorded::<Changed>(record)?.answer(state, command.id)?),
        }
    }

    fn changes(&self, state: &Studio) -> Vec<Change> {
        state.changes()
    }

    fn query(&self, delivery: &Delivery) -> Result<Query, Refusal> {
        match delivery.subject.as_str() {
            subject::USER_GET => body(delivery).map(Query::User),
            subject::BROADCAST_GET => body(delivery).map(Query::Broadcast),
            subject::BROADCAST_LIST => List::of(&body(delivery)?).map(Query::List),
            _ => Err(Refusal::new(Code::Malformed, "no such query")),
        }
    }

    fn find(&self, query: &Query) -> Find {
        match query {
            Query::User(get) => Find::Rows(vec![format!("u:{}", get.id)]),
            Query::Broadcast(get) => Find::Rows(vec![format!("b:{}", get.id)]),
            Query::List(list) => list.find(),
        }
    }

    fn look(&self, state: &Studio, query: &Query, _: i64) -> Result<Answer, Refusal> {
        match query {
            Query::User(get) => reply(200, state.user(get.id).ok_or(Code::UserNotFound)?),
            Query::Broadcast(get) => reply(200, &state.broadcast(get.id).ok_or(Code::BroadcastNotFound)?.view()),
            Query::List(_) => Err(Code::Internal.into()),
        }
    }

    fn page(&self, rows: &str, query: &Query, _: i64) -> Result<Answer, Refusal> {
        match query {
            Query::List(list) => reply(200, &list.page(rows)?),
            Query::User(_) | Query::Broadcast(_) => Err(Code::Internal.into()),
        }
    }
}
