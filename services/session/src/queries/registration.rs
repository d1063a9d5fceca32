//! `qry.registration.get`: what became of a token that an outsider registered.

use avanzacast_livekit::fingerprint;
use avanzacast_schemas::{GetRegistration, Registration, RegistrationState, SessionId, bus::subject, command_id};
use avanzacast_worker::{
    Decided, Find,
    store::{StoreError, decode},
};
use serde::Deserialize;

use super::validate::over;
use crate::{rules::Rules, state::Session, statements, store::Row};

/// A registration that is asked about; the token's text is not kept.
#[derive(Debug)]
pub struct Registered {
    session: SessionId,
    fingerprint: String,
    /// The registration's own, when it came through the stream.
    command: String,
}

/// What the statement gives.
#[derive(Deserialize)]
struct Found {
    /// The session, if this very token is the one registered for it.
    session: Option<Row>,
    /// What the inbox has: [`Decided`] as JSON text.
    decision: Option<String>,
}

impl Registered {
    pub(crate) fn new(query: GetRegistration) -> Self {
        let command = command_id::keyed(&[subject::TOKEN_REGISTER, query.session_id.as_str(), &query.token]);
        Self { fingerprint: fingerprint(&query.token), session: query.session_id, command }
    }

    /// Whoever does not know the token finds nothing: both keys are made with it.
    pub(crate) fn find(&self) -> Find {
        let keys = vec![self.session.as_str().to_owned(), self.fingerprint.clone(), self.command.clone()];
        Find::Page { sql: statements::REGISTRATION, keys }
    }

    /// How it stands. A session says more than the decision that made it, for it may have ended since.
    pub(crate) fn judge(&self, found: &str, rules: &Rules, now: i64) -> Result<Registration, StoreError> {
        let Found { session, decision } = decode(found)?;
        if let Some(row) = session {
            return Ok(over(&Session::from(row), now).map_or_else(|| self.active(rules), refused));
        }
        Ok(match decision.map(|decision| decode(&decision)).transpose()? {
            Some(Decided::Refused(refusal)) => refused(refusal.code.word()),
            // A session that ended so long ago that it is forgotten.
            Some(Decided::Done(_)) | None => {
                Registration { state: RegistrationState::Unknown, code: None, studio_url: None }
            }
        })
    }

    fn active(&self, rules: &Rules) -> Registration {
        let studio_url = Some(rules.links.studio(&self.session));
        Registration { state: RegistrationState::Active, code: None, studio_url }
    }
}

fn refused(code: &str) -> Registration {
    Registration { state: RegistrationState::Refused, code: Some(code.to_owned()), studio_url: None }
}
