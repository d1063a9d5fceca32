//! LiveKit's webhooks, as far as they are read. What is not needed is not looked at: a newer LiveKit may add fields and
//! names, and `room.turnPassword` is in each of them, which is a secret.

use avanzacast_schemas::{Webhook, WebhookKind, WebhookParticipant, WebhookRoom};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// No id or name of LiveKit's is longer: it takes names of up to 256 (livekit-server, `limit` in its configuration).
const TEXT_MAX_BYTES: usize = 4096;
/// An id goes into a header of the bus.
const ID_MAX_BYTES: usize = 128;

/// A webhook's body (protocol `livekit_webhook.proto`, as protobuf's JSON: what is empty is left out).
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "LiveKitWebhook")]
pub(crate) struct Body {
    /// What happened: `room_started`, `participant_joined`, …
    event: String,
    /// `EV_…`
    #[serde(default)]
    id: String,
    /// Unix seconds.
    #[serde(default, deserialize_with = "whole")]
    #[schemars(with = "Option<String>")]
    created_at: Option<i64>,
    #[serde(default)]
    room: Option<Room>,
    #[serde(default)]
    participant: Option<Participant>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "LiveKitWebhookRoom")]
struct Room {
    /// `RM_…`
    #[serde(default)]
    sid: String,
    #[serde(default)]
    name: String,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "LiveKitWebhookParticipant")]
struct Participant {
    /// `PA_…`
    #[serde(default)]
    sid: String,
    #[serde(default)]
    identity: String,
    /// Unix seconds.
    #[serde(default, deserialize_with = "whole")]
    #[schemars(with = "Option<String>")]
    joined_at: Option<i64>,
    /// `CLIENT_INITIATED`, …
    #[serde(default, deserialize_with = "name")]
    disconnect_reason: Option<String>,
}

/// What a signed body came to.
#[derive(Debug)]
pub(crate) enum Picked {
    /// To be kept.
    Kept(Webhook),
    /// Not for us.
    Passed,
}

/// Picks the fields that are kept; `None` is a body that is no webhook.
pub(crate) fn pick(bytes: &[u8]) -> Option<Picked> {
    let Body { event, id, created_at, room, participant } = serde_json::from_slice(bytes).ok()?;
    let Some(kind) = WebhookKind::ALL.into_iter().find(|kind| kind.name() == event) else {
        return (!event.is_empty()).then_some(Picked::Passed);
    };
    let Room { sid, name } = room?;
    let participant = if is_about_somebody(kind) { Some(somebody(participant?)?) } else { None };
    let webhook = Webhook {
        id: Some(id).filter(|id| is_id(id))?,
        kind,
        created_at: created_at?,
        room: WebhookRoom { sid: text(sid)?, name: text(name)? },
        participant,
    };
    Some(Picked::Kept(webhook))
}

fn is_about_somebody(kind: WebhookKind) -> bool {
    match kind {
        WebhookKind::RoomStarted | WebhookKind::RoomFinished => false,
        WebhookKind::ParticipantJoined | WebhookKind::ParticipantLeft | WebhookKind::ParticipantConnectionAborted => {
            true
        }
    }
}

fn somebody(participant: Participant) -> Option<WebhookParticipant> {
    let Participant { sid, identity, joined_at, disconnect_reason } = participant;
    Some(WebhookParticipant { sid: text(sid)?, identity: text(identity)?, joined_at, disconnect_reason })
}

fn text(text: String) -> Option<String> {
    Some(text).filter(|text| (1..=TEXT_MAX_BYTES).contains(&text.len()))
}

fn is_id(id: &str) -> bool {
    (1..=ID_MAX_BYTES).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic())
}

/// A 64-bit number: a string in protobuf's JSON, and a number from whoever writes it so.
fn whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    let number = match Value::deserialize(deserializer)? {
        Value::String(text) => text.parse().ok(),
        Value::Number(number) => number.as_i64(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    Ok(number)
}

/// An enumeration's name. One that LiveKit's own sender does not know is its number (protobuf's JSON).
fn name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let name = match Value::deserialize(deserializer)? {
        Value::String(name) => text(name),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    Ok(name)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn body() -> Value {
        json!({"event": "participant_left", "id": "EV_x", "createdAt": "1770000000",
            "room": {"sid": "RM_x", "name": "demo", "turnPassword": "hunter2", "creationTime": "1", "new": [1]},
            "participant": {"sid": "PA_x", "identity": "ana", "joinedAt": "1769999999", "state": "SOME_NEW_STATE",
                "disconnectReason": "SOME_NEW_REASON", "permission": {"canPublish": true}}})
    }

    fn picked(body: &Value) -> Option<Picked> {
        pick(&serde_json::to_vec(body).unwrap())
    }

    fn kept(body: &Value) -> Webhook {
        match picked(body) {
            Some(Picked::Kept(webhook)) => webhook,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn only_what_is_named_is_picked_and_new_names_are_no_error() {
        let wanted = json!({"id": "EV_x", "kind": "participant_left", "createdAt": 1_770_000_000,
            "room": {"sid": "RM_x", "name": "demo"},
            "participant": {"sid": "PA_x", "identity": "ana", "joinedAt": 1_769_999_999,
                "disconnectReason": "SOME_NEW_REASON"}});
        assert_eq!(serde_json::to_value(kept(&body())).unwrap(), wanted);
    }

    #[test]
    fn numbers_may_be_numbers_and_a_reason_may_have_no_name() {
        let mut body = body();
        body["createdAt"] = json!(1_770_000_000);
        body["participant"]["disconnectReason"] = json!(99);
        body["participant"]["joinedAt"] = json!({});
        let webhook = kept(&body);
        assert_eq!(webhook.created_at, 1_770_000_000);
        let participant = webhook.participant.unwrap();
        assert_eq!((participant.disconnect_reason.as_deref(), participant.joined_at), (Some("99"), None));
    }

    #[test]
    fn a_room_is_not_about_somebody_and_other_kinds_are_passed() {
        let mut body = body();
        body["event"] = json!("room_finished");
        assert_eq!(kept(&body).participant, None);
        body["event"] = json!("track_published");
        assert!(matches!(picked(&body), Some(Picked::Passed)));
        assert!(matches!(picked(&json!({"event": "of_the_future"})), Some(Picked::Passed)));
    }

    #[test]
    fn what_lacks_something_is_no_webhook() {
        for (path, value) in [
            ("/event", json!("")),
            ("/event", json!(7)),
            ("/id", json!("")),
            ("/id", json!("EV x")),
            ("/id", json!("x".repeat(129))),
            ("/createdAt", json!("soon")),
            ("/room", json!(null)),
            ("/room/sid", json!("")),
            ("/room/name", json!("x".repeat(5000))),
            ("/participant", json!(null)),
            ("/participant/identity", json!("")),
        ] {
            let mut body = body();
            *body.pointer_mut(path).unwrap() = value;
            assert!(picked(&body).is_none(), "{body}");
        }
        for text in ["", "[]", "{}", "no JSON", "{\"event\":"] {
            assert!(pick(text.as_bytes()).is_none(), "{text}");
        }
    }
}
