//! What the cache is told about a session, and what a query about it answers.

use std::time::Duration;

use avanzacast_kit::{bus::Reply, time};
use avanzacast_schemas::{CachedSession, CachedState, Code, Refusal, SessionId, SessionView};
use avanzacast_worker::{Answer, CacheWrite, person};
use bytes::Bytes;

use crate::{
    rules::Rules,
    state::{Session, State},
};

/// An open session stays in the cache a little longer than it lives, so that the first who come too late are told so
/// without the database.
const LINGER_S: u64 = 60;

fn state(session: &Session, now: i64) -> CachedState {
    match session.state {
        State::Open if session.is_open(now) => CachedState::Open,
        State::Open | State::Expired => CachedState::Expired,
        State::Consumed => CachedState::Consumed,
        State::Revoked => CachedState::Revoked,
    }
}

/// The body of `GET /api/session/:id`, for a session that is open.
fn view(session: &Session, rules: &Rules) -> Result<SessionView, Refusal> {
    let (token, url) = if session.single_use {
        (None, None)
    } else {
        let token = match &session.signed {
            Some(token) => token.clone(),
            None => rules.token(session, session.stamp.as_ref())?,
        };
        (Some(token), Some(rules.livekit_url.clone()))
    };
    Ok(SessionView {
        id: session.id.clone(),
        token,
        url,
        room: session.room.clone(),
        username: person::value_of(session.name.as_ref()),
        ttl_seconds: session.ttl,
        expires_at: time::rfc3339(session.expires_at),
    })
}

/// What has happened to a session, if that forbids to look at it.
pub(crate) fn ended(session: &Session, now: i64) -> Option<Code> {
    match session.state {
        State::Revoked => Some(Code::SessionRevoked),
        State::Open | State::Consumed | State::Expired if session.broadcast_over => Some(Code::SessionBroadcastOver),
        State::Consumed => Some(Code::SessionConsumed),
        State::Open if session.is_open(now) => None,
        State::Open | State::Expired => Some(Code::SessionExpired),
    }
}

fn json(value: &impl serde::Serialize) -> Result<Bytes, Refusal> {
    serde_json::to_vec(value).map(Bytes::from).map_err(|_| Code::Internal.into())
}

/// The entry of a session that is open, for where there is none yet. One of a broadcast is never cached: it ends with
/// the broadcast, of which the cache hears nothing.
pub(crate) fn fill(session: &Session, rules: &Rules, now: i64) -> Result<Option<CacheWrite>, Refusal> {
    if session.broadcast.is_some() {
        return Ok(None);
    }
    let entry =
        CachedSession { state: CachedState::Open, until: session.expires_at, answer: Some(view(session, rules)?) };
    let left = u64::try_from((session.expires_at - now).div_euclid(1000)).unwrap_or_default();
    Ok(Some(CacheWrite::Fill(session.id.clone(), json(&entry)?, Duration::from_secs(left + LINGER_S))))
}

/// The entry of a session that has ended: no token.
pub(crate) fn end(session: &Session, now: i64) -> Result<Option<CacheWrite>, Refusal> {
    over(session, now).map(|(id, entry)| ending(id, &entry)).transpose()
}

/// The same, not yet written. One that was made anew from the ledger is in no cache.
pub(crate) fn over(session: &Session, now: i64) -> Option<(SessionId, CachedSession<SessionView>)> {
    if session.broadcast.is_some() {
        return None;
    }
    let id = SessionId::try_from(session.id.to_string()).ok()?;
    Some((id, CachedSession { state: state(session, now), until: session.expires_at, answer: None }))
}

/// Writes it, whatever is there.
pub(crate) fn ending(id: SessionId, entry: &CachedSession<SessionView>) -> Result<CacheWrite, Refusal> {
    Ok(CacheWrite::End(id, json(entry)?))
}

/// Answers a query, and fills the cache with what it found, as a creation.
pub(crate) fn look(session: &Session, rules: &Rules, now: i64) -> Result<Answer, Refusal> {
    if let Some(code) = ended(session, now) {
        return Err(code.into());
    }
    let cache = fill(session, rules, now)?.into_iter().collect();
    Ok(Answer { reply: Reply::done(200, json(&view(session, rules)?)?), cache })
}
