//! `cmd.session.create`: a session, and unless it is a single-use link, its token.

use avanzacast_kit::time;
use avanzacast_livekit::{Stamp, fingerprint, grants_of};
use avanzacast_schemas::{
    Actor, Code, CreateSession, Event, Refusal, RoomName, SessionCreated, SessionCreatedEvent, SessionId, TokenOrigin,
    TokenRegistered, Ttl, broadcast_of, reserved_for_broadcasts,
};
use avanzacast_worker::{Decision, Moment, person};
use serde::{Deserialize, Serialize};

use crate::{
    rules::Rules,
    state::{Session, Sessions, State},
};

/// What the inbox keeps: enough for the same answer.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Record {
    id: SessionId,
    ttl: u32,
    expires_at: i64,
}

/// How long a session lives, in seconds, or a single-use link waits.
pub(crate) fn granted(single_use: bool, ttl: Option<Ttl>, rules: &Rules) -> Result<u32, Refusal> {
    let limits = &rules.limits;
    let (default, most) =
        if single_use { (limits.link_ttl, limits.link_max_ttl) } else { (limits.session_ttl, limits.session_max_ttl) };
    let ttl = ttl.map_or(default, Ttl::seconds);
    if ttl > most {
        return Err(Refusal::new(Code::TtlOutOfRange, format!("ttl must be from 1 to {most} seconds")));
    }
    Ok(ttl)
}

fn permitted(sessions: &Sessions, command: &CreateSession, actor: &Actor) -> Result<(), Refusal> {
    if let Some(broadcast) = command.broadcast_id {
        let over = sessions.broadcast_over(broadcast).ok_or(Code::BroadcastNotFound)?;
        if over {
            return Err(Code::BroadcastOver.into());
        }
    }
    if actor.has_credential() {
        return not_over(sessions, &command.room);
    }
    // A broadcast's own door is open to anybody where it was opened on purpose.
    if reserved_for_broadcasts(&command.room) && command.broadcast_id.is_none() {
        return Err(Refusal::new(Code::RoomReserved, "rooms beginning with broadcast- need a credential"));
    }
    if command.role.needs_credential() {
        return Err(Refusal::new(Code::CredentialRequired, "this role needs a credential"));
    }
    Ok(())
}

/// That the room is not that of a broadcast that is over: nobody can stay in there.
pub(super) fn not_over(sessions: &Sessions, room: &RoomName) -> Result<(), Refusal> {
    match broadcast_of(room).and_then(|broadcast| sessions.broadcast_over(broadcast)) {
        Some(true) => Err(Code::BroadcastOver.into()),
        Some(false) | None => Ok(()),
    }
}

pub(crate) fn decide(
    sessions: &mut Sessions,
    command: &CreateSession,
    actor: &Actor,
    rules: &Rules,
    moment: &mut Moment<'_>,
) -> Decision {
    make(sessions, command, actor, rules, moment).unwrap_or_else(Decision::from)
}

fn make(
    sessions: &mut Sessions,
    command: &CreateSession,
    actor: &Actor,
    rules: &Rules,
    moment: &mut Moment<'_>,
) -> Result<Decision, Refusal> {
    permitted(sessions, command, actor)?;
    let ttl = granted(command.single_use, command.ttl, rules)?;
    let now = moment.now;
    let expires_at = now + i64::from(ttl) * 1000;
    let id = SessionId::from(moment.uuid_v4());
    let stamp = (!command.single_use).then(|| Stamp::new(moment.uuid_v4(), now, expires_at));
    let mut session = Session {
        id,
        room: command.room.clone(),
        role: command.role,
        origin: TokenOrigin::Minted,
        single_use: command.single_use,
        state: State::Open,
        ttl,
        created_at: now,
        expires_at,
        token_exp: stamp.as_ref().map(|stamp| stamp.exp),
        stamp,
        signed: None,
        token: None,
        fingerprint: None,
        consumption: None,
        name: Some(person::salted(command.username.as_str(), moment)),
        identity: None,
        broadcast: command.broadcast_id,
        broadcast_over: false,
        created_by: None,
    };
    let event = match &session.stamp {
        None => created(&session, actor),
        Some(stamp) => {
            let token = rules.token(&session, Some(stamp))?;
            let event = registered(&session, stamp, &token, actor, rules);
            session.signed = Some(token);
            event
        }
    };
    let record = Record::of(&session);
    sessions.create(session);
    Ok(Decision::done(vec![event], &record))
}

fn created(session: &Session, actor: &Actor) -> Event {
    Event::SessionCreated(SessionCreatedEvent {
        actor: actor.clone(),
        participant: session.id.participant(),
        room: session.room.clone(),
        role: session.role,
        name_hash: person::hash_of(session.name.as_ref()),
        ttl_seconds: session.ttl,
        expires_at: time::rfc3339(session.expires_at),
        broadcast_id: session.broadcast,
    })
}

/// The event of a session whose token we sign; also for the token of a single-use link, at its consume.
pub(crate) fn registered(session: &Session, stamp: &Stamp, token: &str, actor: &Actor, rules: &Rules) -> Event {
    Event::TokenRegistered(TokenRegistered {
        actor: actor.clone(),
        participant: session.id.participant(),
        room: session.room.clone(),
        role: Some(session.role),
        origin: TokenOrigin::Minted,
        issuer: rules.minter.key().to_owned(),
        jti: Some(stamp.jti.clone()),
        fingerprint: fingerprint(token),
        grants: grants_of(session.role),
        name_hash: person::hash_of(session.name.as_ref()),
        identity_hash: None,
        expires_at: time::rfc3339(session.expires_at),
        token_expires_at: time::rfc3339(stamp.exp * 1000),
        created_by: None,
        single_use: session.single_use.then_some(true),
        broadcast_id: session.broadcast,
    })
}

pub(crate) fn answer(record: &Record, rules: &Rules) -> SessionCreated {
    SessionCreated {
        id: record.id.clone(),
        studio_url: rules.links.studio(&record.id),
        redirect_url: rules.links.panel(&record.id),
        ttl_seconds: record.ttl,
        expires_at: time::rfc3339(record.expires_at),
    }
}

impl Record {
    pub(crate) fn of(session: &Session) -> Self {
        Self { id: session.id.clone(), ttl: session.ttl, expires_at: session.expires_at }
    }

    pub(crate) fn id(&self) -> &SessionId {
        &self.id
    }
}
