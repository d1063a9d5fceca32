//! A session's entry in the cache.

use serde::{Deserialize, Serialize};

use crate::Code;

/// What a cached session is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CachedState {
    /// May still be looked at, until it runs out.
    Open,
    /// Was redeemed.
    Consumed,
    /// Was revoked.
    Revoked,
    /// Ran out.
    Expired,
}

/// The value under a session's key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CachedSession<A> {
    /// What the session is.
    pub state: CachedState,
    /// When it runs out, in Unix milliseconds; whoever reads the entry checks it.
    pub until: i64,
    /// The whole body of `GET /api/session/:id`, ready to be sent. A session that has ended has none, and so no
    /// token.
    #[serde(default = "Option::default", skip_serializing_if = "Option::is_none")]
    pub answer: Option<A>,
}

impl<A> CachedSession<A> {
    /// What a reader at `now` (Unix milliseconds) may be told.
    ///
    /// # Errors
    /// The refusal that goes with the session's end.
    pub fn read(self, now: i64) -> Result<A, Code> {
        match self.state {
            CachedState::Open if now < self.until => self.answer.ok_or(Code::SessionNotFound),
            CachedState::Open | CachedState::Expired => Err(Code::SessionExpired),
            CachedState::Consumed => Err(Code::SessionConsumed),
            CachedState::Revoked => Err(Code::SessionRevoked),
        }
    }
}
