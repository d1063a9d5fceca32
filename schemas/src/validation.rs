//! Whether a token is good.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `qry.session.validate`: the body of `POST /api/session/validate`. The answer over the bus is a [`Validation`]
/// without LiveKit's own view, which the edge adds.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ValidateToken {
    /// A LiveKit access token.
    pub token: String,
}

impl std::fmt::Debug for ValidateToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ValidateToken(…)")
    }
}

/// What looking at one side of a token came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Check {
    /// It is good.
    Ok,
    /// It is not.
    Failed,
    /// Nothing is known about it; for the session: the token belongs to none of ours.
    Unknown,
    /// It was not looked at, for something before it failed.
    Skipped,
}

/// What was looked at, in this order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Checks {
    /// Whether a configured key signed it, with HS256, as an access token.
    pub signature: Check,
    /// Whether its time has come and is not over.
    pub expiry: Check,
    /// Whether its session still lets in.
    pub session: Check,
    /// Whether LiveKit would let it in now.
    pub livekit: Check,
}

/// The answer of `POST /api/session/validate`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Validation {
    /// Whether no check failed, and signature, expiry and LiveKit are `ok`.
    pub valid: bool,
    /// The first thing wrong, in one stable word: `token_invalid`, `token_expired`, `token_not_yet_valid`,
    /// `session_revoked`, `session_expired`, `broadcast_ended` or `livekit_refused`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// One by one.
    pub checks: Checks,
}
