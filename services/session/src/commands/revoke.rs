//! `cmd.session.revoke`: takes a session back. Whoever is in the room by it is removed by those who hear of it.

use avanzacast_kit::time;
use avanzacast_schemas::{Actor, Code, Event, Refusal, RevokeSession, SessionRevokedEvent};
use avanzacast_worker::{Decision, Moment};
use serde::{Deserialize, Serialize};

use crate::state::{Session, Sessions, State};

/// What the inbox keeps: that it was done is all there is to say.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Record {}

/// What a revocation comes to, by the table of session states.
enum Revocation {
    /// It is taken back now.
    Now,
    /// It was before.
    Before,
    /// There is nothing left to take back.
    Refused(Code),
}

fn revocation(session: &Session, now: i64) -> Revocation {
    match (session.state, &session.consumption) {
        (State::Revoked, _) => Revocation::Before,
        (State::Open | State::Consumed | State::Expired, _) if session.broadcast_over => Revocation::Now,
        (State::Consumed, Some(consumption)) if now >= consumption.resume_until => {
            Revocation::Refused(Code::SessionExpired)
        }
        (State::Consumed, _) => Revocation::Now,
        (State::Open, _) if session.is_open(now) => Revocation::Now,
        (State::Open | State::Expired, _) => Revocation::Refused(Code::SessionExpired),
    }
}

pub(crate) fn decide(
    sessions: &mut Sessions,
    command: &RevokeSession,
    actor: &Actor,
    moment: &mut Moment<'_>,
) -> Decision {
    let Some(mut session) = sessions.get(&command.id).cloned() else {
        return Refusal::from(Code::SessionNotFound).into();
    };
    match revocation(&session, moment.now) {
        Revocation::Refused(code) => Refusal::from(code).into(),
        Revocation::Before => Decision::done(Vec::new(), &Record {}),
        Revocation::Now => {
            session.state = State::Revoked;
            let event = Event::SessionRevoked(SessionRevokedEvent {
                actor: actor.clone(),
                participant: session.id.participant(),
                room: session.room.clone(),
                token_expires_at: session.token_exp.map(|exp| time::rfc3339(exp * 1000)),
                revoked_at: time::rfc3339(moment.now),
            });
            sessions.update(session);
            Decision::done(vec![event], &Record {})
        }
    }
}
