//! What LiveKit tells us: its webhooks, as picked fields, and how the edge has them checked.
//!
//! A webhook's body holds more than we keep, `turnPassword` among it, which is a secret. So fields are picked by name
//! where the webhook comes in, and nothing else goes further.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `qry.livekit.verify`: whether LiveKit signed this body. A reply with status 200 and no body says that it did, the
/// refusal `credential_invalid` that it did not.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VerifyWebhook {
    /// The header `Authorization`: a token of LiveKit's, without `Bearer`.
    pub authorization: String,
    /// Standard base64 of SHA-256 of the body's bytes.
    pub sha256: String,
}

impl std::fmt::Debug for VerifyWebhook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VerifyWebhook").field("sha256", &self.sha256).finish_non_exhaustive()
    }
}

/// The webhooks that are kept, by LiveKit's names (protocol `webhook/const.go`). Others are answered and forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WebhookKind {
    /// A room exists: somebody made it or joined it.
    RoomStarted,
    /// A room is gone.
    RoomFinished,
    /// A participant's media is connected.
    ParticipantJoined,
    /// A participant that had joined is gone.
    ParticipantLeft,
    /// A participant that had not joined is gone. It had a connection, and with it a fresh token of ten minutes.
    ParticipantConnectionAborted,
}

impl WebhookKind {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::RoomStarted,
        Self::RoomFinished,
        Self::ParticipantJoined,
        Self::ParticipantLeft,
        Self::ParticipantConnectionAborted,
    ];

    /// LiveKit's name for it, also the last word of the subject.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::RoomStarted => "room_started",
            Self::RoomFinished => "room_finished",
            Self::ParticipantJoined => "participant_joined",
            Self::ParticipantLeft => "participant_left",
            Self::ParticipantConnectionAborted => "participant_connection_aborted",
        }
    }
}

/// `in.livekit.<kind>`: a webhook whose signature was checked. Stored under its own id, so that a copy is no second one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Webhook {
    /// LiveKit's id for it, `EV_…`: the same for every copy.
    pub id: String,
    /// What happened.
    pub kind: WebhookKind,
    /// When, by LiveKit's clock: Unix seconds.
    pub created_at: i64,
    /// Where.
    pub room: WebhookRoom,
    /// Who, where it is about somebody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub participant: Option<WebhookParticipant>,
}

/// A room, as a webhook names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WebhookRoom {
    /// `RM_…`: a room that is made again under the same name has another.
    pub sid: String,
    /// Its name.
    pub name: String,
}

/// A participant, as a webhook names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WebhookParticipant {
    /// `PA_…`: one stay of somebody in a room.
    pub sid: String,
    /// Who: the token's `sub`.
    pub identity: String,
    /// When the stay began: Unix seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub joined_at: Option<i64>,
    /// Why it ended, by LiveKit's name (protocol `DisconnectReason`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disconnect_reason: Option<String>,
}
