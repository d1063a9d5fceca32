//! `cmd.session.register` and `cmd.token.register`: a token that another server minted becomes a session.

use avanzacast_kit::time;
use avanzacast_livekit::{Claimed, ForeignClaims, Untimely, fingerprint, grants_of};
use avanzacast_schemas::{
    Actor, ActorKind, Code, Event, Grants, Identity, Refusal, RegisterToken, Role, RoomName, SessionCreated, SessionId,
    TokenOrigin, TokenRefused, TokenRegistered, Username, broadcast_of,
};
use avanzacast_worker::{Decision, Moment, person};
use serde::{Deserialize, Serialize};

use super::create;
use crate::{
    rules::Rules,
    state::{Session, Sessions, State},
};

/// What the inbox keeps.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Record {
    #[serde(flatten)]
    session: create::Record,
    /// Whether it was registered before, by another command.
    #[serde(default)]
    again: bool,
}

/// What of a token's claims becomes the session's.
struct Accepted {
    issuer: String,
    jti: Option<String>,
    grants: Grants,
    room: RoomName,
    username: Username,
    identity: Option<Identity>,
    exp: Option<i64>,
}

fn invalid(detail: &str) -> Refusal {
    Refusal::new(Code::TokenInvalid, detail)
}

fn accept(command: &RegisterToken, rules: &Rules, now: i64) -> Result<Accepted, Refusal> {
    match rules.verifier.claimed(&command.token)? {
        Claimed::Signed(claims) => signed(command, claims, now),
        Claimed::Unchecked(claims) => Ok(unchecked(command, claims, now)),
    }
}

fn signed(command: &RegisterToken, claims: ForeignClaims, now: i64) -> Result<Accepted, Refusal> {
    let exp = claims.timely(now).map_err(|untimely| {
        invalid(match untimely {
            Untimely::Endless => "the token has no exp",
            Untimely::Over => "the token has expired",
            Untimely::Early => "the token is not valid yet",
        })
    })?;
    if !claims.lets_in() {
        return Err(invalid("the token does not allow joining a room"));
    }
    let room = RoomName::try_from(claims.video.room.clone()).map_err(|_| invalid("the token's room is not valid"))?;
    if command.room.as_ref().is_some_and(|wanted| *wanted != room) {
        return Err(invalid("the token is for another room"));
    }
    let identity = Identity::try_from(claims.identity().to_owned());
    let identity = identity.map_err(|_| invalid("the token's identity is not valid"))?;
    Ok(Accepted {
        username: username(command, &claims, &identity)?,
        grants: claims.video.grants(),
        issuer: claims.iss,
        jti: claims.jti,
        room,
        identity: Some(identity),
        exp: Some(exp),
    })
}

/// The body's, when it is the token's name or identity; else the token's name, or its identity.
fn username(command: &RegisterToken, claims: &ForeignClaims, identity: &Identity) -> Result<Username, Refusal> {
    let name = claims.name.as_deref().filter(|name| !name.is_empty());
    match &command.username {
        Some(username) if [name, Some(identity.as_str())].contains(&Some(username.as_str())) => Ok(username.clone()),
        Some(_) => Err(invalid("the token is for another participant")),
        None => Username::try_from(name.unwrap_or(identity.as_str()).to_owned())
            .map_err(|_| invalid("the token's name is not valid")),
    }
}

/// In development mode: whatever the body says, then whatever the token says, then something.
fn unchecked(command: &RegisterToken, claims: Option<ForeignClaims>, now: i64) -> Accepted {
    let said = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let room = claims.as_ref().and_then(|claims| RoomName::try_from(said(&claims.video.room)?).ok());
    let name = claims.as_ref().and_then(|claims| said(claims.name.as_deref().unwrap_or(claims.identity())));
    Accepted {
        issuer: "unchecked".to_owned(),
        jti: None,
        grants: grants_of(Role::Guest),
        room: command.room.clone().or(room).unwrap_or_else(RoomName::unnamed),
        username: command.username.clone().unwrap_or_else(|| Username::or_guest(name.unwrap_or_default())),
        identity: None,
        exp: claims.and_then(|claims| claims.timely(now).ok()),
    }
}

/// Registers. `actor` is who asked, as our own services say it; an outsider on the bus is whoever signed the token.
pub(crate) fn decide(
    sessions: &mut Sessions,
    command: &RegisterToken,
    actor: Option<&Actor>,
    rules: &Rules,
    moment: &mut Moment<'_>,
) -> Decision {
    // One that was made anew from the ledger was registered before, and only its id and its token are lost.
    let rebuilt = SessionId::rebuilt(&command.session_id.participant());
    match sessions.get(&command.session_id).or_else(|| sessions.get(&rebuilt)) {
        // The same again: nothing new has happened.
        Some(known)
            if known.id == command.session_id
                && known.fingerprint.as_deref() == Some(fingerprint(&command.token).as_str()) =>
        {
            let record = Record { session: create::Record::of(known), again: true };
            return Decision::done(Vec::new(), &record);
        }
        Some(_) => return refused(command, actor, Refusal::from(Code::SessionExists)),
        None => {}
    }
    let accepted = accept(command, rules, moment.now)
        .and_then(|accepted| Ok((accepted, create::granted(command.single_use, command.ttl, rules)?)));
    match accepted {
        Ok((accepted, ttl)) => store(sessions, command, actor, (accepted, ttl), moment),
        Err(refusal) => refused(command, actor, refusal),
    }
}

/// An outsider on the bus gets no answer, so the ledger has it. Who asked over HTTP is answered, and counted by the edge: with
/// an event each, a flood of forged tokens would fill the ledger.
fn refused(command: &RegisterToken, actor: Option<&Actor>, refusal: Refusal) -> Decision {
    if actor.is_some() {
        return refusal.into();
    }
    let event = Event::TokenRefused(TokenRefused {
        actor: Actor::of(ActorKind::Bus),
        participant: command.session_id.participant(),
        fingerprint: fingerprint(&command.token),
        code: refusal.code.word().to_owned(),
    });
    Decision { events: vec![event], outcome: Err(refusal) }
}

fn store(
    sessions: &mut Sessions,
    command: &RegisterToken,
    actor: Option<&Actor>,
    (accepted, ttl): (Accepted, u32),
    moment: &mut Moment<'_>,
) -> Decision {
    let now = moment.now;
    // No session outlives its token.
    let left = accepted.exp.map(|exp| u32::try_from(exp - now.div_euclid(1000)).unwrap_or(u32::MAX));
    let ttl = left.map_or(ttl, |left| ttl.min(left));
    let expires_at = now + i64::from(ttl) * 1000;
    let token_exp = accepted.exp.unwrap_or((expires_at + 999).div_euclid(1000));
    // The other minter may not have heard that it is over.
    let broadcast = broadcast_of(&accepted.room).and_then(|id| Some((id, sessions.broadcast_over(id)?)));
    let session = Session {
        id: command.session_id.clone(),
        room: accepted.room,
        role: Role::Guest,
        origin: TokenOrigin::External,
        single_use: command.single_use,
        state: State::Open,
        ttl,
        created_at: now,
        expires_at,
        stamp: None,
        signed: None,
        token: Some(command.token.clone()),
        fingerprint: Some(fingerprint(&command.token)),
        token_exp: Some(token_exp),
        consumption: None,
        name: Some(person::salted(accepted.username.as_str(), moment)),
        identity: accepted.identity.map(|identity| person::salted(identity.as_str(), moment)),
        broadcast: broadcast.map(|(id, _)| id),
        broadcast_over: broadcast.is_some_and(|(_, over)| over),
        created_by: command.created_by,
    };
    let event = Event::TokenRegistered(TokenRegistered {
        actor: actor.cloned().unwrap_or_else(|| Actor { kind: ActorKind::Bus, name: Some(accepted.issuer.clone()) }),
        participant: session.id.participant(),
        room: session.room.clone(),
        role: None,
        origin: TokenOrigin::External,
        issuer: accepted.issuer,
        // It may be anything, also a person's name: it is recorded when it is an id like ours.
        jti: accepted.jti.filter(|jti| uuid::Uuid::try_parse(jti).is_ok()),
        fingerprint: fingerprint(&command.token),
        grants: accepted.grants,
        name_hash: person::hash_of(session.name.as_ref()),
        identity_hash: session.identity.as_ref().map(|identity| person::hash_of(Some(identity))),
        expires_at: time::rfc3339(session.expires_at),
        token_expires_at: time::rfc3339(token_exp * 1000),
        created_by: session.created_by,
        single_use: session.single_use.then_some(true),
        broadcast_id: session.broadcast,
    });
    let record = Record { session: create::Record::of(&session), again: false };
    sessions.create(session);
    Decision::done(vec![event], &record)
}

/// The status, and the body, which is that of a session just made.
pub(crate) fn answer(record: &Record, rules: &Rules) -> (u16, SessionCreated) {
    (if record.again { 200 } else { 201 }, create::answer(&record.session, rules))
}

impl Record {
    pub(crate) fn session(&self) -> &create::Record {
        &self.session
    }
}
