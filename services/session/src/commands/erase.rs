//! `cmd.session.erase`: forgets what somebody was called, and takes back what of theirs still lets anybody in.
//!
//! What is left is the ledger, which has hashes only, and they stay valid. Whoever repeats it finds nothing more to do.

use avanzacast_kit::time;
use avanzacast_schemas::{
    Actor, CachedSession, Code, ErasePerson, Erased, Event, ParticipantId, PersonErased, Refusal, SessionId,
    SessionRevokedEvent, SessionView, Whom,
};
use avanzacast_worker::{CacheWrite, Decision, Moment};
use serde::{Deserialize, Serialize};

use crate::{
    cached,
    state::{Session, Sessions, State},
    statements::ERASED_AT_ONCE,
};

/// Longest reason, in bytes.
const REASON_MAX_BYTES: usize = 256;

/// What the inbox keeps: enough for the same answer, and for telling the cache once more. Nothing about the person.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Record {
    revoked: u32,
    values: u32,
    more: bool,
    ended: Vec<(SessionId, CachedSession<SessionView>)>,
}

/// Reads what no type says: a reason that can stand in the ledger.
pub(crate) fn checked(command: ErasePerson) -> Result<ErasePerson, Refusal> {
    let reason = &command.reason;
    if !(1..=REASON_MAX_BYTES).contains(&reason.len()) || reason.chars().any(char::is_control) {
        let wanted = format!("reason must be 1 to {REASON_MAX_BYTES} bytes, without control characters");
        return Err(Refusal::new(Code::Malformed, wanted));
    }
    Ok(command)
}

/// The key under which the rows are read that somebody left traces in.
pub(crate) fn key(whom: &Whom) -> String {
    match whom {
        Whom::Participant(participant) => format!("{KEY}{participant}"),
        Whom::User(user) => format!("{KEY}{user}"),
    }
}

/// What no session's id begins with.
pub(crate) const KEY: &str = "erase ";

/// An erasure under way.
struct Erasure<'a, 'm, 'r> {
    sessions: &'a mut Sessions,
    actor: &'a Actor,
    reason: &'a str,
    moment: &'m mut Moment<'r>,
    events: Vec<Event>,
    record: Record,
}

pub(crate) fn decide(
    sessions: &mut Sessions,
    command: &ErasePerson,
    actor: &Actor,
    moment: &mut Moment<'_>,
) -> Decision {
    let (events, record) = (Vec::new(), Record::default());
    let mut erasure = Erasure { sessions, actor, reason: &command.reason, moment, events, record };
    let found = match &command.whom {
        Whom::Participant(participant) => erasure.participant(participant).then_some(()).ok_or(Code::SessionNotFound),
        Whom::User(user) => erasure.user(*user).then_some(()).ok_or(Code::UserNotFound),
    };
    match found {
        Ok(()) => Decision::done(erasure.events, &erasure.record),
        Err(code) => Refusal::from(code).into(),
    }
}

impl Erasure<'_, '_, '_> {
    /// Answers whether there is such a user.
    fn user(&mut self, user: i64) -> bool {
        let subject = format!("user_{user}");
        let Some(keys) = self.sessions.traces.free(user) else { return false };
        let mut texts = self.sessions.traces.forget(&subject);
        // What they are compared by says the same once more.
        let values = texts.len().max(keys.len());
        texts.extend(keys);
        if values > 0 {
            self.erased(values, |event| event.user = Some(user));
            self.scrub(&subject, texts);
        }
        let mut theirs = self.sessions.registered_by(user);
        self.record.more = theirs.len() > ERASED_AT_ONCE;
        theirs.truncate(ERASED_AT_ONCE);
        for participant in theirs {
            self.participant(&participant);
        }
        true
    }

    /// Answers whether anything is known of them.
    fn participant(&mut self, participant: &ParticipantId) -> bool {
        let before = self.events.len();
        let session = self.sessions.of(participant).cloned();
        let mut texts = vec![participant.to_string()];
        let revoked = session.as_ref().is_some_and(|session| self.revoke(session));
        if let Some(identity) = session.as_ref().and_then(|session| session.identity.as_ref()).filter(|_| revoked) {
            // Whoever puts them out has to know whom, and finds it here: the first is what LiveKit calls them.
            texts.insert(0, identity.value.clone());
        }
        texts.extend(session.as_ref().map(|session| session.id.to_string()));
        let mut values = self.sessions.traces.forget(participant.as_str());
        values.extend(session.as_ref().map(|session| self.sessions.forget(&session.id)).unwrap_or_default());
        if !values.is_empty() {
            self.erased(values.len(), |event| event.participant = Some(participant.clone()));
        }
        texts.extend(values);
        texts.extend(self.stays(participant));
        if let Some(session) = session.as_ref().and_then(|session| self.sessions.get(&session.id)) {
            self.record.ended.extend(cached::over(session, self.moment.now));
        }
        let changed = self.events.len() > before;
        if changed {
            self.scrub(participant.as_str(), texts);
        }
        changed || session.is_some()
    }

    /// What stays in rooms told of them.
    fn stays(&mut self, participant: &ParticipantId) -> Vec<String> {
        let mut texts = Vec::new();
        for stay in self.sessions.traces.leave(participant) {
            let values = self.sessions.traces.forget(&stay.sid);
            self.erased(values.len() + 1, |event| event.stay = Some(stay.sid.clone()));
            texts.push(stay.identity);
            texts.extend(values);
        }
        texts
    }

    /// Takes a session back that still lets somebody in; answers whether it did.
    fn revoke(&mut self, session: &Session) -> bool {
        let lets_in = lets_in(session, self.moment.now);
        if lets_in {
            let revoked = Session { state: State::Revoked, ..session.clone() };
            self.events.push(Event::SessionRevoked(SessionRevokedEvent {
                actor: self.actor.clone(),
                participant: revoked.id.participant(),
                room: revoked.room.clone(),
                token_expires_at: revoked.token_exp.map(|exp| time::rfc3339(exp * 1000)),
                revoked_at: time::rfc3339(self.moment.now),
            }));
            self.sessions.update(revoked);
            self.record.revoked += 1;
        }
        lets_in
    }

    fn erased(&mut self, values: usize, of: impl FnOnce(&mut PersonErased)) {
        let values = u32::try_from(values).unwrap_or(u32::MAX);
        let (actor, reason) = (self.actor.clone(), self.reason.to_owned());
        let mut event = PersonErased { actor, participant: None, user: None, stay: None, values, reason };
        of(&mut event);
        self.events.push(Event::PersonErased(event));
        self.record.values = self.record.values.saturating_add(values);
    }

    fn scrub(&mut self, subject: &str, mut texts: Vec<String>) {
        let mut seen = std::collections::HashSet::new();
        texts.retain(|text| seen.insert(text.clone()));
        // The same subject may be erased again before the first time is done with.
        let id = format!("{subject}.{}", self.moment.uuid_v4());
        self.sessions.traces.scrub(id, &texts, self.moment.now);
    }
}

/// Whether a session, or a token that was handed out for it, may still let somebody into a room. The statement that looks
/// for a user's sessions asks the same.
fn lets_in(session: &Session, now: i64) -> bool {
    let resumes = session.consumption.as_ref().is_some_and(|consumption| now < consumption.resume_until);
    let waits = session.is_open(now) || (session.state == State::Consumed && resumes);
    session.state != State::Revoked && (waits || session.token_exp.is_some_and(|exp| exp * 1000 > now))
}

/// The answer, and what the cache must know before anybody hears of it.
pub(crate) fn answer(record: Record) -> Result<(Erased, Vec<CacheWrite>), Refusal> {
    let Record { revoked, values, more, ended } = record;
    let ended = ended.into_iter().map(|(id, entry)| cached::ending(id, &entry)).collect::<Result<_, _>>()?;
    Ok((Erased { revoked, values, more }, ended))
}
