//! The data of the events about rooms and who is in them.
//!
//! A participant is known by its stay in a room (LiveKit's participant sid), because webhooks may come in any order and
//! one identity may come back before it was said to have left.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Actor, ParticipantId, RoomName};

/// How we know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PresenceSource {
    /// LiveKit said so when it happened.
    Webhook,
    /// We asked LiveKit, and it was otherwise than the webhooks had said.
    Reconciliation,
}

/// Data of `participant.joined`: somebody is in a room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ParticipantJoined {
    /// LiveKit.
    pub actor: Actor,
    /// Where.
    pub room: RoomName,
    /// LiveKit's id for this life of the room.
    pub room_sid: String,
    /// LiveKit's id for this stay.
    pub sid: String,
    /// Whom a session of ours let in; unset for anybody else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub participant: Option<ParticipantId>,
    /// Lower-case hex of SHA-256(salt ‖ identity), where the identity is not the participant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity_hash: Option<String>,
    /// By LiveKit's clock: RFC 3339.
    pub joined_at: String,
    /// How we know.
    pub source: PresenceSource,
}

/// Data of `participant.left`: a stay is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ParticipantLeft {
    /// LiveKit.
    pub actor: Actor,
    /// Where.
    pub room: RoomName,
    /// LiveKit's id for this life of the room.
    pub room_sid: String,
    /// LiveKit's id for this stay.
    pub sid: String,
    /// Whom a session of ours had let in; unset for anybody else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub participant: Option<ParticipantId>,
    /// Lower-case hex of SHA-256(salt ‖ identity), where the identity is not the participant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity_hash: Option<String>,
    /// By LiveKit's clock, or when we noticed: RFC 3339.
    pub left_at: String,
    /// Why, by LiveKit's name (`CLIENT_INITIATED`, `PARTICIPANT_REMOVED`, …), when it said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How we know.
    pub source: PresenceSource,
}

/// Data of `participant.unknown`: somebody is in a room by a token that never was registered or issued here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ParticipantUnknown {
    /// The sweep, which waits a little for a registration that is under way.
    pub actor: Actor,
    /// Where.
    pub room: RoomName,
    /// LiveKit's id for this life of the room.
    pub room_sid: String,
    /// LiveKit's id for this stay.
    pub sid: String,
    /// Lower-case hex of SHA-256(salt ‖ identity).
    pub identity_hash: String,
    /// By LiveKit's clock: RFC 3339.
    pub joined_at: String,
}

/// Data of `room.started`: a room exists in LiveKit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RoomStarted {
    /// LiveKit.
    pub actor: Actor,
    /// Its name.
    pub room: RoomName,
    /// LiveKit's id for this life of the room.
    pub room_sid: String,
    /// By LiveKit's clock: RFC 3339.
    pub at: String,
    /// How we know.
    pub source: PresenceSource,
}

/// Data of `room.finished`: a room is gone from LiveKit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RoomFinished {
    /// LiveKit.
    pub actor: Actor,
    /// Its name.
    pub room: RoomName,
    /// LiveKit's id for this life of the room.
    pub room_sid: String,
    /// By LiveKit's clock, or when we noticed: RFC 3339.
    pub at: String,
    /// How we know.
    pub source: PresenceSource,
}

/// Data of `presence.gap`: for a while we did not know who was in which room. What was found to have happened in it
/// stands in events of its own, before this one; what began and ended in it stands nowhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PresenceGap {
    /// LiveKit, which was asked.
    pub actor: Actor,
    /// When we had last asked LiveKit and all was as the webhooks had said: RFC 3339.
    pub from: String,
    /// When we knew again: RFC 3339.
    pub to: String,
    /// Stays that were found to have begun.
    pub joined: u32,
    /// Stays that were found to have ended.
    pub left: u32,
    /// Rooms that were found to exist.
    pub started: u32,
    /// Rooms that were found to be gone.
    pub finished: u32,
}
