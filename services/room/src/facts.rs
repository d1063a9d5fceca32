//! What LiveKit says, with names that are valid: from a webhook, or from its answer when it is asked.

use std::ops::RangeInclusive;

use avanzacast_schemas::{Code, Identity, Refusal, RoomName, Webhook, WebhookKind};
use serde::{Deserialize, Serialize};

/// Longest id of LiveKit's that is taken (they are some 20 characters).
const SID_MAX: usize = 64;

/// Moments of which LiveKit may speak, in Unix milliseconds: what RFC 3339 can say, whose years have four digits, from
/// 1970 on. (jiff, which writes them, ends its time zone's last day earlier: in the evening of 9999-12-30.)
const MOMENTS: RangeInclusive<i64> = 0..=253_402_207_200_999;

/// A room's life.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RoomFact {
    /// LiveKit's id for it.
    pub(crate) sid: String,
    /// The room.
    pub(crate) name: RoomName,
    /// When it began or ended: Unix milliseconds.
    pub(crate) at: i64,
}

/// Somebody's stay in a room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StayFact {
    /// LiveKit's id for it.
    pub(crate) sid: String,
    /// LiveKit's id for the room's life.
    pub(crate) room_sid: String,
    /// The room.
    pub(crate) room: RoomName,
    /// Who.
    pub(crate) identity: Identity,
    /// When it began or ended: Unix milliseconds.
    pub(crate) at: i64,
    /// Why it ended.
    pub(crate) reason: Option<String>,
}

/// A webhook's content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fact {
    /// `room_started`.
    Started(RoomFact),
    /// `room_finished`.
    Finished(RoomFact),
    /// `participant_joined`.
    Joined(StayFact),
    /// `participant_left`.
    Left(StayFact),
    /// `participant_connection_aborted`.
    Aborted(StayFact),
}

impl TryFrom<Webhook> for Fact {
    type Error = Refusal;

    fn try_from(webhook: Webhook) -> Result<Self, Refusal> {
        let bad = |what: &str| Refusal::new(Code::Malformed, what);
        let at = moment(webhook.created_at)?;
        let room_sid = sid(webhook.room.sid)?;
        let name = RoomName::try_from(webhook.room.name).map_err(|invalid| bad(invalid.0))?;
        let wrap = match webhook.kind {
            WebhookKind::RoomStarted => return Ok(Self::Started(RoomFact { sid: room_sid, name, at })),
            WebhookKind::RoomFinished => return Ok(Self::Finished(RoomFact { sid: room_sid, name, at })),
            WebhookKind::ParticipantJoined => Self::Joined,
            WebhookKind::ParticipantLeft => Self::Left,
            WebhookKind::ParticipantConnectionAborted => Self::Aborted,
        };
        let participant = webhook.participant.ok_or_else(|| bad("it names no participant"))?;
        let began = participant.joined_at.filter(|_| webhook.kind == WebhookKind::ParticipantJoined);
        Ok(wrap(StayFact {
            sid: sid(participant.sid)?,
            room_sid,
            room: name,
            identity: Identity::try_from(participant.identity).map_err(|invalid| bad(invalid.0))?,
            at: began.map_or(Ok(at), moment)?,
            // LiveKit's word, not a sentence: it stands in the ledger.
            reason: participant.disconnect_reason.filter(|reason| is_word(reason)),
        }))
    }
}

/// Unix milliseconds. What cannot be written as a moment would stand in the ledger as another than in the tables.
pub(crate) fn moment(seconds: i64) -> Result<i64, Refusal> {
    let ms = seconds.saturating_mul(1000);
    if MOMENTS.contains(&ms) { Ok(ms) } else { Err(Refusal::new(Code::Malformed, "a time is not one of LiveKit's")) }
}

fn sid(sid: String) -> Result<String, Refusal> {
    if is_word(&sid) { Ok(sid) } else { Err(Refusal::new(Code::Malformed, "an id is not one of LiveKit's")) }
}

fn is_word(text: &str) -> bool {
    (1..=SID_MAX).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}
