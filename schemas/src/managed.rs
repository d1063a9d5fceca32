//! Sessions as a manager sees them: never a token.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Role, RoomName, SessionId, Username};

/// What has become of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SessionState {
    /// It may still be used.
    Open,
    /// Somebody redeemed it.
    Consumed,
    /// It ran out.
    Expired,
    /// It was taken back.
    Revoked,
}

impl SessionState {
    /// The word on the wire and in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Consumed => "consumed",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }
}

/// `qry.session.show`: one session, for a manager. The answer is a [`ManagedSession`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ShowSession {
    /// The session.
    pub id: SessionId,
}

/// `qry.session.list`: sessions, newest first. The answer is a [`crate::Page`] of [`ManagedSession`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ListSessions {
    /// Only those of this room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room: Option<RoomName>,
    /// Only those of this broadcast.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broadcast_id: Option<Uuid>,
    /// Only those in this state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<SessionState>,
    /// Only those whose participant's name has this in it, in capitals or not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<Username>,
    /// How many at most, 1 to [`crate::PAGE_MAX`]; unset: [`crate::PAGE_DEFAULT`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// Where the page before ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// A session, for a manager.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ManagedSession {
    /// The session's id.
    pub id: SessionId,
    /// The room.
    pub room: RoomName,
    /// What the participant is called; empty once that was erased.
    pub username: String,
    /// What the participant may do.
    pub role: Role,
    /// What has become of it.
    pub state: SessionState,
    /// Whether it is a link for one use.
    pub single_use: bool,
    /// The broadcast it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broadcast_id: Option<Uuid>,
    /// RFC 3339, milliseconds, UTC.
    pub created_at: String,
    /// RFC 3339, milliseconds, UTC.
    pub expires_at: String,
    /// When it was first redeemed: RFC 3339, milliseconds, UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consumed_at: Option<String>,
}

/// `cmd.session.revoke`: takes a session back. Answered without a body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RevokeSession {
    /// The session.
    pub id: SessionId,
}
