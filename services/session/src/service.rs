//! The session service: which message is which command, and where each is decided.

use std::borrow::Cow;

use avanzacast_kit::{
    bus::{Delivery, Reply},
    time,
};
use avanzacast_livekit::claimed_room;
use avanzacast_schemas::{
    Actor, ActorKind, Code, Event, ListSessions, Refusal, RegisterToken, SessionExpiredEvent, SessionId, broadcast_of,
    bus::{group, subject},
    command_id,
};
use avanzacast_worker::{
    Answer, CacheWrite, Decision, Decoded, Find, Moment, Service, Sweeps,
    messages::{body, headers, recorded, reply, uncached},
    store::{Change, Sql, StoreError, decode},
};
use bytes::Bytes;
use serde_json::value::RawValue;

use crate::{
    cached,
    commands::{Command, consume, create, erase, issue, register, revoke},
    queries::{Query, managed, registration::Registered, validate},
    rules::Rules,
    state::{Sessions, State},
    statements, store,
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

impl Service for SessionService {
    type Command = Command;
    type Query = Query;
    type State = Sessions;

    const NAME: &'static str = group::SESSION;
    const COMMANDS: &'static [&'static str] = &[
        subject::SESSION_CREATE,
        subject::SESSION_CONSUME,
        subject::SESSION_REVOKE,
        subject::SESSION_REGISTER,
        subject::SESSION_ERASE,
        subject::TOKEN_ISSUE,
    ];
    const QUERIES: &'static [&'static str] = &[
        subject::SESSION_GET,
        subject::SESSION_SHOW,
        subject::SESSION_LIST,
        subject::SESSION_VALIDATE,
        subject::REGISTRATION_GET,
    ];
    const ROWS: Sql = statements::BY_ID;

    fn decode(&self, delivery: &Delivery) -> Result<Decoded<Command>, Refusal> {
        if delivery.subject == subject::TOKEN_REGISTER {
            // Whoever is registered for is the HTTP contract's word, and here it would be an outsider's.
            let command = RegisterToken { created_by: None, ..body(delivery)? };
            let id = command_id::keyed(&[&delivery.subject, command.session_id.as_str(), &command.token]);
            return Ok(Decoded { id, command: Command::Register(command, None) });
        }
        let (id, actor) = headers(delivery)?;
        let command = match delivery.subject.as_str() {
            subject::SESSION_CREATE => Command::Create(body(delivery)?, actor),
            subject::SESSION_CONSUME => Command::Consume(body(delivery)?, actor),
            subject::SESSION_REVOKE => Command::Revoke(body(delivery)?, actor),
            subject::SESSION_REGISTER => Command::Register(body(delivery)?, Some(actor)),
            subject::SESSION_ERASE => Command::Erase(erase::checked(body(delivery)?)?, actor),
            subject::TOKEN_ISSUE => Command::Issue(body(delivery)?, actor),
            _ => return Err(Refusal::new(Code::Malformed, "no such command")),
        };
        Ok(Decoded { id, command })
    }

    fn keys<'a>(&self, command: &'a Command) -> Vec<Cow<'a, str>> {
        match command {
            Command::Create(create, _) => {
                let broadcast = create.broadcast_id.or_else(|| broadcast_of(&create.room));
                broadcast.map(|id| id.to_string().into()).into_iter().collect()
            }
            Command::Consume(consume, _) => vec![consume.id.as_str().into()],
            Command::Revoke(revoke, _) => vec![revoke.id.as_str().into()],
            Command::Register(register, _) => {
                let rebuilt = SessionId::rebuilt(&register.session_id.participant());
                let rooms = [register.room.clone(), claimed_room(&register.token)];
                let broadcasts = rooms.iter().flatten().filter_map(broadcast_of);
                let ids = [register.session_id.as_str().into(), rebuilt.to_string().into()];
                ids.into_iter().chain(broadcasts.map(|id| id.to_string().into())).collect()
            }
            Command::Erase(erase, _) => vec![erase::key(&erase.whom).into()],
            Command::Issue(issue, _) => broadcast_of(&issue.room).map(|id| id.to_string().into()).into_iter().collect(),
        }
    }

    fn rows(&self, keys: &[Cow<'_, str>]) -> Sql {
        if keys.iter().any(|key| key.starts_with(erase::KEY)) { statements::WITH_TRACES } else { Self::ROWS }
    }

    fn load(&self, rows: &str) -> Result<Sessions, StoreError> {
        let rows: store::Rows = decode(rows)?;
        Ok(rows.into())
    }

    fn decide(&self, state: &mut Sessions, command: &Command, moment: &mut Moment<'_>) -> Decision {
        match command {
            Command::Create(command, actor) => create::decide(state, command, actor, &self.0, moment),
            Command::Consume(command, actor) => consume::decide(state, command, actor, &self.0, moment),
            Command::Revoke(command, actor) => revoke::decide(state, command, actor, moment),
            Command::Register(command, actor) => register::decide(state, command, actor.as_ref(), &self.0, moment),
            Command::Erase(command, actor) => erase::decide(state, command, actor, moment),
            Command::Issue(command, actor) => issue::decide(state, command, actor, &self.0, moment),
        }
    }

    fn answer(&self, state: &Sessions, command: &Command, record: &RawValue, first: bool) -> Result<Answer, Refusal> {
        // Only now may nothing be in the cache: a repetition must not bring back what has ended since.
        let fill = |id: &SessionId| match state.get(id).filter(|session| first && session.state == State::Open) {
            Some(session) => cached::fill(session, &self.0, session.created_at).map(|fill| fill.into_iter().collect()),
            None => Ok(Vec::new()),
        };
        let end = |id: &SessionId| {
            let end = cached::end(state.get(id).ok_or(Code::SessionNotFound)?, i64::MIN)?;
            Ok::<Vec<_>, Refusal>(end.into_iter().collect())
        };
        match command {
            Command::Create(..) => {
                let record: create::Record = recorded(record)?;
                Ok(Answer { reply: reply(201, &create::answer(&record, &self.0))?, cache: fill(record.id())? })
            }
            Command::Consume(command, _) => {
                let answer = consume::answer(state, command, &recorded(record)?, &self.0)?;
                Ok(Answer { reply: reply(200, &answer)?, cache: end(&command.id)? })
            }
            Command::Revoke(command, _) => {
                let revoke::Record {} = recorded(record)?;
                Ok(Answer { reply: Reply::done(204, Bytes::new()), cache: end(&command.id)? })
            }
            Command::Register(..) => {
                let record: register::Record = recorded(record)?;
                let (status, answer) = register::answer(&record, &self.0);
                Ok(Answer { reply: reply(status, &answer)?, cache: fill(record.session().id())? })
            }
            Command::Issue(command, _) => {
                let answer = issue::answer(command, &recorded(record)?, &self.0)?;
                uncached(200, &answer)
            }
            Command::Erase(..) => {
                let (erased, cache) = erase::answer(recorded(record)?)?;
                Ok(Answer { reply: reply(200, &erased)?, cache })
            }
        }
    }

    fn changes(&self, state: &Sessions) -> Vec<Change> {
        state.changes()
    }

    fn query(&self, delivery: &Delivery) -> Result<Query, Refusal> {
        match delivery.subject.as_str() {
            subject::SESSION_GET => Ok(Query::Get(body(delivery)?)),
            subject::SESSION_SHOW => Ok(Query::Show(body(delivery)?)),
            subject::SESSION_LIST => Ok(Query::List(body::<ListSessions>(delivery)?.try_into()?)),
            subject::SESSION_VALIDATE => {
                Ok(Query::Validate(validate::Examined::new(&body(delivery)?, &self.0.verifier)))
            }
            subject::REGISTRATION_GET => Ok(Query::Registration(Registered::new(body(delivery)?))),
            _ => Err(Refusal::new(Code::Malformed, "no such query")),
        }
    }

    fn find(&self, query: &Query) -> Find {
        match query {
            Query::Get(get) => Find::Rows(vec![get.id.as_str().to_owned()]),
            Query::Show(show) => Find::Rows(vec![show.id.as_str().to_owned()]),
            Query::List(listing) => listing.find(),
            Query::Validate(examined) => examined.find(),
            Query::Registration(registered) => registered.find(),
        }
    }

    fn look(&self, state: &Sessions, query: &Query, now: i64) -> Result<Answer, Refusal> {
        let session = |id| state.get(id).ok_or(Refusal::from(Code::SessionNotFound));
        match query {
            Query::Get(get) => cached::look(session(&get.id)?, &self.0, now),
            Query::Show(show) => uncached(200, &managed(session(&show.id)?, now)),
            // What there is nothing to read for.
            Query::List(_) | Query::Validate(_) | Query::Registration(_) => self.page("[]", query, now),
        }
    }

    fn page(&self, rows: &str, query: &Query, now: i64) -> Result<Answer, Refusal> {
        let unreadable = |error: StoreError| {
            tracing::error!(%error, source = std::error::Error::source(&error).map(tracing::field::display),
                "rows cannot be read");
            Refusal::from(Code::Internal)
        };
        match query {
            Query::List(listing) => uncached(200, &listing.page(rows, now).map_err(unreadable)?),
            Query::Validate(examined) => uncached(200, &examined.judge(rows, now).map_err(unreadable)?),
            Query::Registration(registered) => {
                uncached(200, &registered.judge(rows, &self.0, now).map_err(unreadable)?)
            }
            Query::Get(_) | Query::Show(_) => Err(Code::Internal.into()),
        }
    }
}

impl Sweeps for SessionService {
    const DUE: Sql = statements::DUE;
    const PRUNE: &'static [Sql] = &[statements::PRUNE];

    fn load_due(&self, rows: &str) -> Result<Sessions, StoreError> {
        Ok(store::Rows { sessions: decode(rows)?, ..store::Rows::default() }.into())
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
            ends.extend(cached::end(&session, moment.now).ok().flatten());
            state.update(session);
        }
        (events, ends)
    }
}
