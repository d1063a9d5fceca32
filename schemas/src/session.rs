//! Sessions: the commands that make and redeem them, and what is answered.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use uuid::Uuid;

use crate::{ResumeKey, Role, RoomName, SessionId, Ttl, Username};

/// The body of `POST /api/session`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewSession {
    /// The LiveKit room the session lets into.
    pub room: RoomName,
    /// What the participant is called.
    pub username: Username,
    /// How long the session (and its token) lives, or how long a single-use link may wait; unset: the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<Ttl>,
    /// What the participant may do.
    #[serde(default)]
    pub role: Role,
    /// Whether no token exists before the one consume that wins.
    #[serde(default)]
    pub single_use: bool,
}

impl From<NewSession> for CreateSession {
    fn from(new: NewSession) -> Self {
        let NewSession { room, username, ttl, role, single_use } = new;
        Self { room, username, ttl, role, single_use, broadcast_id: None }
    }
}

/// `cmd.session.create`: a [`NewSession`], and whose it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreateSession {
    /// The LiveKit room the session lets into.
    pub room: RoomName,
    /// What the participant is called.
    pub username: Username,
    /// How long the session (and its token) lives, or how long a single-use link may wait; unset: the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<Ttl>,
    /// What the participant may do.
    #[serde(default)]
    pub role: Role,
    /// Whether no token exists before the one consume that wins.
    #[serde(default)]
    pub single_use: bool,
    /// The broadcast it belongs to; its room is the broadcast's, and it ends with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broadcast_id: Option<Uuid>,
}

/// The answer to [`CreateSession`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionCreated {
    /// The session's id: whoever has it may enter.
    pub id: SessionId,
    /// Where the participant goes.
    pub studio_url: String,
    /// Where the broadcast panel shows it.
    pub redirect_url: String,
    /// What was granted; it does not count down.
    pub ttl_seconds: u32,
    /// RFC 3339, milliseconds, UTC.
    pub expires_at: String,
}

/// The answer of `POST /api/internal/session`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionWithToken {
    /// As for anybody.
    #[serde(flatten)]
    pub created: SessionCreated,
    /// LiveKit's access token; absent for a single-use link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// LiveKit's address, with the token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// The body of `POST /api/broadcasts/:id/session`: a [`NewSession`] whose room is the broadcast's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewBroadcastSession {
    /// What the participant is called.
    pub username: Username,
    /// How long the session (and its token) lives, or how long a single-use link may wait; unset: the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<Ttl>,
    /// What the participant may do.
    #[serde(default)]
    pub role: Role,
    /// Whether no token exists before the one consume that wins.
    #[serde(default)]
    pub single_use: bool,
}

impl NewBroadcastSession {
    /// As a command, for this broadcast.
    #[must_use]
    pub fn of(self, broadcast: Uuid) -> CreateSession {
        let Self { username, ttl, role, single_use } = self;
        let room = RoomName::of_broadcast(broadcast);
        CreateSession { room, username, ttl, role, single_use, broadcast_id: Some(broadcast) }
    }
}

/// `qry.session.get`: asked when the cache does not know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GetSession {
    /// The session.
    pub id: SessionId,
}

/// The answer of `GET /api/session/:id`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionView {
    /// The session's id.
    pub id: SessionId,
    /// LiveKit's access token; absent for a single-use link, which has none before its consume.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// LiveKit's address, with the token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The room.
    pub room: RoomName,
    /// What the participant is called.
    pub username: String,
    /// What was granted; it does not count down.
    pub ttl_seconds: u32,
    /// RFC 3339, milliseconds, UTC.
    pub expires_at: String,
}

/// `cmd.session.consume`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConsumeSession {
    /// The session.
    pub id: SessionId,
    /// The consumer's key, from `X-Session-Resume`, or made by the edge when there was none.
    pub resume_key: ResumeKey,
}

/// The answer to [`ConsumeSession`]; with `server_url` and `participant_token` it is also what LiveKit's clients
/// expect of a token endpoint (protocol `livekit_token_source.proto`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionConsumed {
    /// The session's id.
    pub id: SessionId,
    /// LiveKit's access token.
    pub token: String,
    /// LiveKit's address.
    pub url: String,
    /// The same as `url`, under LiveKit's name for it.
    #[serde(rename = "server_url")]
    pub server_url: String,
    /// The same as `token`, under LiveKit's name for it.
    #[serde(rename = "participant_token")]
    pub participant_token: String,
    /// The room.
    pub room: RoomName,
    /// What the participant is called.
    pub username: String,
    /// What was granted; it does not count down.
    pub ttl_seconds: u32,
    /// When the session ends: RFC 3339, milliseconds, UTC.
    pub expires_at: String,
    /// When this token ends.
    pub token_expires_at: String,
    /// When the session was first redeemed.
    pub consumed_at: String,
    /// The key that repeats this consume.
    pub resume_key: ResumeKey,
}

/// `qry.session.health`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AskHealth {}

/// The answer to [`AskHealth`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WorkerHealth {
    /// Whether the database answers.
    pub database: CheckStatus,
    /// Whether LiveKit answers.
    pub livekit: CheckStatus,
}

/// How one dependency is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CheckStatus {
    /// It answers.
    Ok,
    /// It does not.
    Down,
    /// Nobody could be asked.
    Unknown,
}
