//! `cmd.session.consume`: exactly one consumer is let in, and may come back.

use avanzacast_kit::time;
use avanzacast_livekit::{Stamp, fingerprint};
use avanzacast_schemas::{
    Actor, Code, ConsumeSession, Event, Refusal, SessionConsumed, SessionConsumedEvent, TokenOrigin, TokenReissued,
};
use avanzacast_worker::{Decision, Moment, person};
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::create;
use crate::{
    rules::Rules,
    state::{Consumption, Session, Sessions, State},
};

/// What the inbox keeps: with the session's row, enough for the same answer and the same token.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Record {
    stamp: Option<Stamp>,
    consumed_at: i64,
}

/// What a consume comes to, by the table of session states: the first line that fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Entry {
    /// The first to come.
    First,
    /// The same consumer again.
    Again,
    Refused(Code),
}

fn entry(session: &Session, key_hash: &str, now: i64) -> Entry {
    match (session.state, &session.consumption) {
        (State::Revoked, _) => Entry::Refused(Code::SessionRevoked),
        (State::Open | State::Consumed | State::Expired, _) if session.broadcast_over => {
            Entry::Refused(Code::SessionBroadcastOver)
        }
        (State::Consumed, Some(consumption)) if consumption.resume_hash == key_hash => {
            if now < consumption.resume_until { Entry::Again } else { Entry::Refused(Code::SessionExpired) }
        }
        (State::Consumed, _) => Entry::Refused(Code::SessionTaken),
        (State::Expired, _) => Entry::Refused(Code::SessionExpired),
        (State::Open, _) if session.is_open(now) => Entry::First,
        (State::Open, _) => Entry::Refused(Code::SessionExpired),
    }
}

pub(crate) fn decide(
    sessions: &mut Sessions,
    command: &ConsumeSession,
    actor: &Actor,
    rules: &Rules,
    moment: &mut Moment<'_>,
) -> Decision {
    let Some(session) = sessions.get(&command.id).cloned() else {
        return Decision::from(Refusal::from(Code::SessionNotFound));
    };
    let key_hash = HEXLOWER.encode(&Sha256::digest(command.resume_key.as_str()));
    let decided = match entry(&session, &key_hash, moment.now) {
        Entry::First => first(session, key_hash, actor, rules, moment),
        Entry::Again => again(session, actor, rules, moment),
        Entry::Refused(code) => Err(code.into()),
    };
    match decided {
        Ok((session, decision)) => {
            sessions.update(session);
            decision
        }
        Err(refusal) => refusal.into(),
    }
}

type Decided = Result<(Session, Decision), Refusal>;

fn first(mut session: Session, key_hash: String, actor: &Actor, rules: &Rules, moment: &mut Moment<'_>) -> Decided {
    let now = moment.now;
    let mut events = Vec::new();
    if session.origin == TokenOrigin::Minted && session.stamp.is_none() {
        let stamp = fresh(rules, moment);
        let token = rules.token(&session, Some(&stamp))?;
        events.push(create::registered(&session, &stamp, &token, actor, rules));
        session.token_exp = Some(stamp.exp);
        session.stamp = Some(stamp);
    }
    let resume_until = now + i64::from(rules.limits.resume) * 1000;
    session.state = State::Consumed;
    session.consumption = Some(Consumption { resume_hash: key_hash, at: now, resume_until });
    events.push(Event::SessionConsumed(SessionConsumedEvent {
        actor: actor.clone(),
        participant: session.id.participant(),
        room: session.room.clone(),
        consumed_at: time::rfc3339(now),
        resume_until: time::rfc3339(resume_until),
    }));
    let record = Record { stamp: session.stamp.clone(), consumed_at: now };
    Ok((session, Decision::done(events, &record)))
}

fn again(mut session: Session, actor: &Actor, rules: &Rules, moment: &mut Moment<'_>) -> Decided {
    let consumed_at = session.consumption.as_ref().map_or(moment.now, |consumption| consumption.at);
    if session.origin == TokenOrigin::External {
        // It cannot be signed anew, so it is given again for as long as it lasts.
        if session.token_exp.is_none_or(|exp| exp * 1000 <= moment.now) {
            return Err(Code::SessionExpired.into());
        }
        return Ok((session, Decision::done(Vec::new(), &Record { stamp: None, consumed_at })));
    }
    let stamp = fresh(rules, moment);
    let token = rules.token(&session, Some(&stamp))?;
    let event = Event::TokenReissued(TokenReissued {
        actor: actor.clone(),
        participant: session.id.participant(),
        room: session.room.clone(),
        jti: stamp.jti.clone(),
        fingerprint: fingerprint(&token),
        token_expires_at: time::rfc3339(stamp.exp * 1000),
    });
    // The row outlives every token that was issued for it.
    session.token_exp = session.token_exp.max(Some(stamp.exp));
    Ok((session, Decision::done(vec![event], &Record { stamp: Some(stamp), consumed_at })))
}

fn fresh(rules: &Rules, moment: &mut Moment<'_>) -> Stamp {
    let until = moment.now + i64::from(rules.limits.token_ttl) * 1000;
    Stamp::new(moment.uuid_v4(), moment.now, until)
}

pub(crate) fn answer(
    sessions: &Sessions,
    command: &ConsumeSession,
    record: &Record,
    rules: &Rules,
) -> Result<SessionConsumed, Refusal> {
    let session = sessions.get(&command.id).ok_or(Code::SessionNotFound)?;
    let token = rules.token(session, record.stamp.as_ref())?;
    let token_exp = record.stamp.as_ref().map(|stamp| stamp.exp).or(session.token_exp).unwrap_or_default();
    Ok(SessionConsumed {
        id: session.id.clone(),
        token: token.clone(),
        url: rules.livekit_url.clone(),
        server_url: rules.livekit_url.clone(),
        participant_token: token,
        room: session.room.clone(),
        username: person::value_of(session.name.as_ref()),
        ttl_seconds: session.ttl,
        expires_at: time::rfc3339(session.expires_at),
        token_expires_at: time::rfc3339(token_exp * 1000),
        consumed_at: time::rfc3339(record.consumed_at),
        resume_key: command.resume_key.clone(),
    })
}
