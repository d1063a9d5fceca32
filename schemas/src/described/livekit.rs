//! What LiveKit told us, as the edge puts it on the bus: one channel, whose last word is the kind.

use schemars::SchemaGenerator;
use serde_json::{Value, json};

use crate::{
    Webhook, WebhookKind,
    bus::{header, stream, subject},
};

/// The name of its schema's file.
pub(super) const NAME: &str = "in.livekit";
/// What it is.
pub(super) const ABOUT: &str = "A webhook whose signature was checked, as picked fields";

/// Its schema.
pub(super) fn shape(generator: &mut SchemaGenerator) -> schemars::Schema {
    generator.subschema_for::<Webhook>()
}

/// The channel.
pub(super) fn channel(message: &str) -> Value {
    let kinds = WebhookKind::ALL.map(WebhookKind::name);
    json!({
        "address": format!("{}{{kind}}", subject::LIVEKIT_PREFIX),
        "description": format!("Published by the edge, stored by the stream `{}` for the room worker", stream::INTAKE),
        "parameters": { "kind": { "description": "The webhook's `kind`, once more", "enum": kinds } },
        "messages": { message: { "$ref": format!("#/components/messages/{message}") } },
    })
}

/// The message.
pub(super) fn message(generator: &mut SchemaGenerator) -> Value {
    let text = |about: &str| json!({ "type": "string", "description": about });
    json!({
        "name": NAME,
        "summary": ABOUT,
        "headers": {
            "type": "object",
            "required": ["Nats-Msg-Id"],
            "properties": {
                "Nats-Msg-Id": text("LiveKit's id for it: a copy is not stored again"),
                header::TRACEPARENT: text("W3C trace context"),
            },
        },
        "payload": shape(generator),
    })
}

/// What we do with it.
pub(super) fn operation(channel: &str) -> Value {
    json!({ "action": "send", "summary": ABOUT, "channel": { "$ref": format!("#/channels/{channel}") } })
}
