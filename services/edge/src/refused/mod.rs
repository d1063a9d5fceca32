//! What was refused, counted, so that the ledger hears of a flood in a line a minute, and cannot be filled by one.

mod report;
mod tally;

use std::{
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
};

use avanzacast_kit::time;
use avanzacast_schemas::Code;
use axum::response::Response;

pub(crate) use self::report::keep_telling;
use self::{report::Report, tally::Tally};
use crate::problem::Problem;

/// Counts refusals, until they are reported.
#[derive(Debug, Default)]
pub(crate) struct Refused {
    tally: Mutex<Tally>,
    /// A report that may have arrived: it is sent again as it was, under the same id.
    open: tokio::sync::Mutex<Option<Report>>,
}

impl Refused {
    /// Counts an answer, if it turned somebody away who should not have come.
    pub(crate) fn note(&self, response: &Response, address: IpAddr) {
        if response.status().as_u16() < 400 {
            return;
        }
        let Some(Problem { refusal, .. }) = response.extensions().get::<Problem>() else { return };
        if is_counted(refusal.code) {
            self.tally().note(refusal.code.word(), address, time::now_ms());
        }
    }

    fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A credential, a signature or a token that is none, or is not shown from where it may be; a link that was used before;
/// and whoever comes too often. Not: who shows nothing, or asks for what is not there.
fn is_counted(code: Code) -> bool {
    matches!(
        code,
        Code::CredentialInvalid
            | Code::AddressNotAllowed
            | Code::TokenInvalid
            | Code::SessionTaken
            | Code::SessionConsumed
            | Code::RateLimited
    )
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse;

    use super::*;

    #[test]
    fn only_what_turns_somebody_away_is_counted() {
        let refused = Refused::default();
        let here = IpAddr::from([192, 0, 2, 1]);
        for code in Code::ALL {
            refused.note(&Problem::from(*code).into_response(), here);
        }
        refused.note(&Response::default(), here);
        let told = refused.tally().take().unwrap().told(0);
        let mut codes: Vec<(&str, u64)> = told.refused.iter().map(|kind| (kind.code.as_str(), kind.count)).collect();
        codes.sort_unstable();
        // A link that was used before is the same to both who look and who consume.
        let expected =
            ["address_not_allowed", "credential_invalid", "rate_limited", "session_consumed", "token_invalid"];
        assert_eq!(codes, expected.map(|code| (code, if code == "session_consumed" { 2 } else { 1 })));
    }
}
