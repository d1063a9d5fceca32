//! `cmd.token.issue`: a token without a session, for frontends that know nothing else. All that is kept of it is the
//! event.

use avanzacast_kit::time;
use avanzacast_livekit::{Bearer, Stamp, fingerprint, grants_of};
use avanzacast_schemas::{
    Actor, Code, Event, IssueToken, IssuedToken, Refusal, Role, TokenIssued, reserved_for_broadcasts,
};
use avanzacast_worker::{Decision, Moment, person};
use serde::{Deserialize, Serialize};

use super::create;
use crate::{rules::Rules, state::Sessions};

/// What the inbox keeps: with the command, enough for the same token.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Record {
    stamp: Stamp,
    ttl: u32,
}

fn permitted(sessions: &Sessions, command: &IssueToken, actor: &Actor) -> Result<(), Refusal> {
    if reserved_for_broadcasts(&command.room) && !actor.has_credential() {
        return Err(Refusal::new(Code::RoomReserved, "rooms beginning with broadcast- need a credential"));
    }
    // It would pass for a session's participant, and evict that one from the room.
    if command.username.as_str().starts_with("p_") {
        return Err(Refusal::new(Code::Malformed, "username must not begin with p_"));
    }
    create::not_over(sessions, &command.room)
}

fn token(command: &IssueToken, stamp: &Stamp, rules: &Rules) -> Result<String, Refusal> {
    let name = command.username.as_str();
    rules.minter.mint(Bearer { identity: name, name, room: command.room.as_str(), role: Role::Guest }, stamp)
}

pub(crate) fn decide(
    sessions: &mut Sessions,
    command: &IssueToken,
    actor: &Actor,
    rules: &Rules,
    moment: &mut Moment<'_>,
) -> Decision {
    issue(sessions, command, actor, rules, moment).unwrap_or_else(Decision::from)
}

fn issue(
    sessions: &mut Sessions,
    command: &IssueToken,
    actor: &Actor,
    rules: &Rules,
    moment: &mut Moment<'_>,
) -> Result<Decision, Refusal> {
    permitted(sessions, command, actor)?;
    let ttl = rules.limits.session_ttl;
    let stamp = Stamp::new(moment.uuid_v4(), moment.now, moment.now + i64::from(ttl) * 1000);
    let identity = person::salted(command.username.as_str(), moment);
    let event = Event::TokenIssued(TokenIssued {
        actor: actor.clone(),
        room: command.room.clone(),
        issuer: rules.minter.key().to_owned(),
        jti: stamp.jti.clone(),
        fingerprint: fingerprint(&token(command, &stamp, rules)?),
        grants: grants_of(Role::Guest),
        identity_hash: person::hash_of(Some(&identity)),
        token_expires_at: time::rfc3339(stamp.exp * 1000),
    });
    sessions.remember(person::Person {
        subject: format!("t_{}", stamp.jti),
        field: "identity",
        personal: identity,
        recorded_at: moment.now,
        registered_by: None,
    });
    Ok(Decision::done(vec![event], &Record { stamp, ttl }))
}

pub(crate) fn answer(command: &IssueToken, record: &Record, rules: &Rules) -> Result<IssuedToken, Refusal> {
    Ok(IssuedToken {
        token: token(command, &record.stamp, rules)?,
        url: rules.livekit_url.clone(),
        room: command.room.clone(),
        username: command.username.clone(),
        ttl_seconds: record.ttl,
    })
}
