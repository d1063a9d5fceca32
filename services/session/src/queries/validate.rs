//! `qry.session.validate`: whether a token is good, as far as we can tell without LiveKit.

use avanzacast_livekit::{ForeignClaims, Untimely, Verifier, fingerprint};
use avanzacast_schemas::{Check, Checks, ValidateToken, Validation};
use avanzacast_worker::{
    Find,
    store::{StoreError, decode},
};

use crate::{
    state::{Session, State},
    statements,
    store::Row,
};

/// A token whose signature was looked at; its text is not kept.
#[derive(Debug)]
pub struct Examined {
    claims: Option<ForeignClaims>,
    fingerprint: String,
}

impl Examined {
    pub(crate) fn new(query: &ValidateToken, verifier: &Verifier) -> Self {
        let claims = verifier.signed(&query.token).ok().filter(ForeignClaims::lets_in);
        Self { claims, fingerprint: fingerprint(&query.token) }
    }

    /// Of a forged token nothing is looked up.
    pub(crate) fn find(&self) -> Find {
        match &self.claims {
            None => Find::Rows(Vec::new()),
            Some(claims) => Find::Page {
                sql: statements::BY_TOKEN,
                keys: vec![claims.identity().to_owned(), self.fingerprint.clone()],
            },
        }
    }

    /// What is to be said, with the sessions that were found.
    pub(crate) fn judge(&self, rows: &str, now: i64) -> Result<Validation, StoreError> {
        let Some(claims) = &self.claims else { return Ok(forged()) };
        let rows: Vec<Row> = decode(rows)?;
        let sessions: Vec<Session> = rows.into_iter().map(Session::from).collect();
        let untimely = claims.timely(now).err().map(|untimely| match untimely {
            Untimely::Endless => "token_invalid",
            Untimely::Over => "token_expired",
            Untimely::Early => "token_not_yet_valid",
        });
        let ended = sessions.iter().find_map(|session| over(session, now));
        let session = match (ended, sessions.is_empty()) {
            (Some(_), _) => Check::Failed,
            (None, true) => Check::Unknown,
            (None, false) => Check::Ok,
        };
        let reason = untimely.or(ended);
        let checks = Checks {
            signature: Check::Ok,
            expiry: if untimely.is_some() { Check::Failed } else { Check::Ok },
            session,
            livekit: if reason.is_some() { Check::Skipped } else { Check::Unknown },
        };
        Ok(Validation { valid: reason.is_none(), reason: reason.map(str::to_owned), checks })
    }
}

pub(crate) fn forged() -> Validation {
    let checks =
        Checks { signature: Check::Failed, expiry: Check::Skipped, session: Check::Skipped, livekit: Check::Skipped };
    Validation { valid: false, reason: Some("token_invalid".to_owned()), checks }
}

/// Why a session's token is no longer good. One that was redeemed is: the consumer holds it.
pub(crate) fn over(session: &Session, now: i64) -> Option<&'static str> {
    match session.state {
        State::Revoked => Some("session_revoked"),
        State::Open | State::Consumed | State::Expired if session.broadcast_over => Some("broadcast_ended"),
        State::Consumed => None,
        State::Open if session.is_open(now) => None,
        State::Open | State::Expired => Some("session_expired"),
    }
}
