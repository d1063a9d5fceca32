//! Tokens: the command that brings in one minted elsewhere, and the data of the events about tokens and sessions.
//!
//! No event carries a token or a key. A token is named by its `jti` and the SHA-256 of its text; a person by
//! SHA-256(salt ‖ value), with salt and value in a table of their own, so that they can be forgotten.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Actor, ParticipantId, Role, RoomName, SessionId, Ttl, Username};

/// `cmd.token.register`, and `cmd.session.register`, which is the body of `POST /api/tokens`: a token that another
/// server minted, to be kept as a session.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RegisterToken {
    /// The session's id, chosen by whoever registers.
    pub session_id: SessionId,
    /// A LiveKit access token, signed with a key that we know.
    pub token: String,
    /// The room; when given, it must be the token's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room: Option<RoomName>,
    /// What the participant is called; when given, it must be the token's `name` or identity; when unset, it is the
    /// one or, failing that, the other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<Username>,
    /// How long the session lives, at most until the token's `exp`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<Ttl>,
    /// The user who registers it: over HTTP, where a credential stands for it. On the bus it is ignored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("minimum" = i64::MIN, "maximum" = i64::MAX))]
    pub created_by: Option<i64>,
    /// Whether the token is shown to nobody but the one consume that wins.
    #[serde(default)]
    pub single_use: bool,
}

impl std::fmt::Debug for RegisterToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RegisterToken").field("participant", &self.session_id.participant()).finish_non_exhaustive()
    }
}

/// The rights in a token's `video` claim that we record (LiveKit's names; protocol `auth/grants.go`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Grants {
    /// May enter `room`.
    pub room_join: bool,
    /// May publish tracks.
    pub can_publish: bool,
    /// May receive tracks.
    pub can_subscribe: bool,
    /// May send data messages.
    pub can_publish_data: bool,
}

/// Where a session's token comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TokenOrigin {
    /// We signed it.
    Minted,
    /// Somebody else signed it and registered it here.
    External,
}

/// Data of `session.created`: a single-use link exists; no token does yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionCreatedEvent {
    /// Who asked.
    pub actor: Actor,
    /// Whom the link lets in.
    pub participant: ParticipantId,
    /// Where to.
    pub room: RoomName,
    /// As what.
    pub role: Role,
    /// Lower-case hex of SHA-256(salt ‖ username).
    pub name_hash: String,
    /// What was granted, in seconds.
    pub ttl_seconds: u32,
    /// RFC 3339.
    pub expires_at: String,
    /// The broadcast it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broadcast_id: Option<Uuid>,
}

/// Data of `token.registered`: a session and its token exist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TokenRegistered {
    /// Who asked.
    pub actor: Actor,
    /// Whom the session lets in.
    pub participant: ParticipantId,
    /// Where to.
    pub room: RoomName,
    /// As what; unset for a token that came from outside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// Who signed it.
    pub origin: TokenOrigin,
    /// The API key that signed it (`iss`).
    pub issuer: String,
    /// The token's id, when it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jti: Option<String>,
    /// Lower-case hex of SHA-256 of the token's text.
    pub fingerprint: String,
    /// What it allows.
    pub grants: Grants,
    /// Lower-case hex of SHA-256(salt ‖ username).
    pub name_hash: String,
    /// Lower-case hex of SHA-256(salt ‖ identity), where the identity is not the participant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity_hash: Option<String>,
    /// When the session ends: RFC 3339.
    pub expires_at: String,
    /// When the token ends: RFC 3339.
    pub token_expires_at: String,
    /// The user who registered it, if that was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_by: Option<i64>,
    /// `true` where only one consume is shown the token; else unset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub single_use: Option<bool>,
    /// The broadcast that the session belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broadcast_id: Option<Uuid>,
}

/// Data of `token.issued`: a token without a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TokenIssued {
    /// Who asked.
    pub actor: Actor,
    /// Where to.
    pub room: RoomName,
    /// The API key that signed it (`iss`).
    pub issuer: String,
    /// The token's id.
    pub jti: String,
    /// Lower-case hex of SHA-256 of the token's text.
    pub fingerprint: String,
    /// What it allows.
    pub grants: Grants,
    /// Lower-case hex of SHA-256(salt ‖ identity).
    pub identity_hash: String,
    /// When the token ends: RFC 3339.
    pub token_expires_at: String,
}

/// Data of `token.refused`: a token that came from outside was not taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TokenRefused {
    /// Who asked.
    pub actor: Actor,
    /// For whom.
    pub participant: ParticipantId,
    /// Lower-case hex of SHA-256 of the token's text.
    pub fingerprint: String,
    /// The refusal's stable machine word.
    pub code: String,
}

/// Data of `token.reissued`: the consumer came back and got a fresh token for the same identity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TokenReissued {
    /// Who asked.
    pub actor: Actor,
    /// For whom.
    pub participant: ParticipantId,
    /// Where to.
    pub room: RoomName,
    /// The new token's id.
    pub jti: String,
    /// Lower-case hex of SHA-256 of the token's text.
    pub fingerprint: String,
    /// When the token ends: RFC 3339.
    pub token_expires_at: String,
}

/// Data of `session.consumed`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionConsumedEvent {
    /// Who asked.
    pub actor: Actor,
    /// Who was let in.
    pub participant: ParticipantId,
    /// Where to.
    pub room: RoomName,
    /// RFC 3339.
    pub consumed_at: String,
    /// Until when the same consumer may come back: RFC 3339.
    pub resume_until: String,
}

/// Data of `session.revoked`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionRevokedEvent {
    /// Who asked.
    pub actor: Actor,
    /// Who is let in no more.
    pub participant: ParticipantId,
    /// Where to.
    pub room: RoomName,
    /// When the last token that was issued for it ends: RFC 3339; unset when none was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_expires_at: Option<String>,
    /// RFC 3339.
    pub revoked_at: String,
}

/// Data of `session.expired`: nobody ever consumed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionExpiredEvent {
    /// The sweep.
    pub actor: Actor,
    /// Who was never let in.
    pub participant: ParticipantId,
    /// Where to.
    pub room: RoomName,
    /// When it ran out: RFC 3339.
    pub expired_at: String,
}

/// `cmd.token.issue`: the query of `GET /api/token`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct IssueToken {
    /// The room.
    pub room: RoomName,
    /// The identity in the room, which is also what is shown; not one that begins with `p_`.
    pub username: Username,
}

/// The answer to [`IssueToken`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IssuedToken {
    /// LiveKit's access token.
    pub token: String,
    /// LiveKit's address.
    pub url: String,
    /// The room.
    pub room: RoomName,
    /// The identity in the room.
    pub username: Username,
    /// What was granted.
    pub ttl_seconds: u32,
}
