//! `cmd.token.register`: a token that another server minted becomes a session.

use avanzacast_kit::time;
use avanzacast_schemas::{
    Actor, ActorKind, Code, Event, Identity, Refusal, RegisterToken, Role, RoomName, SessionId, TokenOrigin,
    TokenRefused, TokenRegistered, Username,
};
use avanzacast_worker::{Decision, Moment};
use serde::{Deserialize, Serialize};

use crate::{
    minting::{ForeignClaims, fingerprint},
    person,
    rules::Rules,
    state::{Session, Sessions, State},
};

/// What the inbox keeps.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) id: SessionId,
}

/// What of a token's claims becomes the session's.
struct Accepted {
    claims: ForeignClaims,
    room: RoomName,
    username: Username,
    identity: Identity,
    ttl: u32,
}

fn invalid(detail: &str) -> Refusal {
    Refusal::new(Code::TokenInvalid, detail)
}

fn accept(command: &RegisterToken, rules: &Rules, now: i64) -> Result<Accepted, Refusal> {
    let claims = rules.minter.check(&command.token, now)?;
    let room = RoomName::try_from(claims.video.room.clone()).map_err(|_| invalid("the token's room is not valid"))?;
    if command.room.as_ref().is_some_and(|wanted| *wanted != room) {
        return Err(invalid("the token is for another room"));
    }
    // LiveKit takes jti for a missing sub.
    let identity = claims.sub.clone().filter(|sub| !sub.is_empty()).or_else(|| claims.jti.clone()).unwrap_or_default();
    let identity = Identity::try_from(identity).map_err(|_| invalid("the token's identity is not valid"))?;
    let username = match &command.username {
        Some(username) => username.clone(),
        None => {
            let name = claims.name.clone().filter(|name| !name.is_empty());
            let name = name.unwrap_or_else(|| identity.as_str().to_owned());
            Username::try_from(name).map_err(|_| invalid("the token's name is not valid"))?
        }
    };
    let left = u32::try_from(claims.exp - now.div_euclid(1000)).unwrap_or(u32::MAX);
    let wanted = command.ttl.map_or(rules.limits.session_ttl, |ttl| ttl.seconds());
    let ttl = wanted.min(rules.limits.session_max_ttl).min(left);
    Ok(Accepted { claims, room, username, identity, ttl })
}

pub(crate) fn decide(
    sessions: &mut Sessions,
    command: &RegisterToken,
    rules: &Rules,
    moment: &mut Moment<'_>,
) -> Decision {
    match sessions.get(&command.session_id) {
        // The same again: nothing new has happened.
        Some(known) if known.token.as_deref() == Some(&command.token) => {
            return Decision::done(Vec::new(), &Record { id: command.session_id.clone() });
        }
        Some(_) => return refused(command, Refusal::from(Code::SessionExists)),
        None => {}
    }
    match accept(command, rules, moment.now) {
        Ok(accepted) => store(sessions, command, accepted, moment),
        Err(refusal) => refused(command, refusal),
    }
}

fn refused(command: &RegisterToken, refusal: Refusal) -> Decision {
    let event = Event::TokenRefused(TokenRefused {
        actor: Actor::of(ActorKind::Bus),
        participant: command.session_id.participant(),
        fingerprint: fingerprint(&command.token),
        code: refusal.code.word().to_owned(),
    });
    Decision { events: vec![event], outcome: Err(refusal) }
}

fn store(sessions: &mut Sessions, command: &RegisterToken, accepted: Accepted, moment: &mut Moment<'_>) -> Decision {
    let Accepted { claims, room, username, identity, ttl } = accepted;
    let id = command.session_id.clone();
    let session = Session {
        id: id.clone(),
        room: room.clone(),
        role: Role::Guest,
        origin: TokenOrigin::External,
        single_use: false,
        state: State::Open,
        ttl,
        created_at: moment.now,
        expires_at: moment.now + i64::from(ttl) * 1000,
        stamp: None,
        signed: None,
        token: Some(command.token.clone()),
        token_exp: Some(claims.exp),
        consumption: None,
        name: Some(person::salted(username.as_str(), moment)),
        identity: Some(person::salted(identity.as_str(), moment)),
    };
    let event = Event::TokenRegistered(TokenRegistered {
        actor: Actor { kind: ActorKind::Bus, name: Some(claims.iss.clone()) },
        participant: id.participant(),
        room,
        role: None,
        origin: TokenOrigin::External,
        issuer: claims.iss.clone(),
        // It may be anything, also a person's name: it is recorded when it is an id like ours.
        jti: claims.jti.clone().filter(|jti| uuid::Uuid::try_parse(jti).is_ok()),
        fingerprint: fingerprint(&command.token),
        grants: claims.video.grants(),
        name_hash: person::hash_of(session.name.as_ref()),
        identity_hash: Some(person::hash_of(session.identity.as_ref())),
        expires_at: time::rfc3339(session.expires_at),
        token_expires_at: time::rfc3339(claims.exp * 1000),
        created_by: command.created_by,
    });
    sessions.create(session);
    Decision::done(vec![event], &Record { id })
}
