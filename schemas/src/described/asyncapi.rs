//! The AsyncAPI document.

use schemars::{SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

use super::{
    envelope,
    exchanges::{Exchange, Through, exchanges},
    livekit,
};
use crate::{
    Code,
    bus::{CLOUDEVENT, header, stream, subject},
    event::{Event, EventType},
};

const ABOUT: &str = "Commands and queries are NATS requests to services; what a sender is told to forget about goes \
    through a stream. Events are CloudEvents 1.0, copied from the ledger in its order: the stream's sequence is \
    `ledgerseq`. Fields are only ever added, and readers ignore what they do not know.";

/// The document: what whoever speaks on the bus may send and hear, from our side.
#[must_use]
pub fn document() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    let mut generator = settings.into_generator();
    let (mut channels, mut operations, mut messages) = (Map::new(), Map::new(), Map::new());
    for exchange in exchanges() {
        describe(&exchange, &mut generator, &mut channels, &mut operations, &mut messages);
    }
    let told = plain(livekit::NAME);
    messages.insert(told.clone(), livekit::message(&mut generator));
    operations.insert(format!("send-{told}"), livekit::operation(&told));
    channels.insert(told.clone(), livekit::channel(&told));
    for event in Event::described() {
        publish(&event, &mut generator, &mut channels, &mut operations, &mut messages);
    }
    messages.insert("refusal".to_owned(), refusal());
    channels.insert("reply".to_owned(), reply_channel(&messages));
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "AvanzaCast on NATS",
            "version": env!("CARGO_PKG_VERSION"),
            "description": ABOUT,
            "license": { "name": "Apache-2.0" },
        },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations,
        "components": { "messages": messages, "schemas": generator.take_definitions(true) },
    })
}

/// A name that can stand in a reference.
fn plain(subject: &str) -> String {
    subject.replace('.', "-")
}

fn headers(exchange: &Exchange) -> Value {
    let text = |about: &str| json!({ "type": "string", "description": about });
    let trace = (header::TRACEPARENT.to_owned(), text("W3C trace context"));
    let members = match exchange.through {
        Through::Stream(_) => vec![trace],
        Through::Service(_) => vec![
            (header::COMMAND_ID.to_owned(), text("The same id is the same command, however often it is sent")),
            (header::EXPIRES_AT.to_owned(), text("RFC 3339; a command not applied by then is dropped unanswered")),
            (header::ACTOR.to_owned(), text("Who asks: JSON of `{kind, name?}`")),
            trace,
        ],
    };
    json!({ "type": "object", "properties": members.into_iter().collect::<Map<_, _>>() })
}

fn describe(
    exchange: &Exchange,
    generator: &mut SchemaGenerator,
    channels: &mut Map<String, Value>,
    operations: &mut Map<String, Value>,
    messages: &mut Map<String, Value>,
) {
    let name = plain(exchange.subject);
    messages.insert(
        name.clone(),
        json!({
            "name": exchange.subject,
            "summary": exchange.about,
            "headers": headers(exchange),
            "payload": (exchange.asked)(generator),
        }),
    );
    let through = match exchange.through {
        Through::Service(name) => format!("Answered by the NATS service `{name}`"),
        Through::Stream(name) => format!("Stored by the stream `{name}`, whose acknowledgement is the answer"),
    };
    channels.insert(
        name.clone(),
        json!({
            "address": exchange.subject,
            "description": through,
            "messages": { &name: { "$ref": format!("#/components/messages/{name}") } },
        }),
    );
    let mut operation = json!({
        "action": "receive",
        "summary": exchange.about,
        "channel": { "$ref": format!("#/channels/{name}") },
    });
    if let (Through::Service(_), Some(members)) = (exchange.through, operation.as_object_mut()) {
        let reply = format!("reply-{name}");
        let payload =
            exchange.answered.map_or_else(|| json!({ "description": "Nothing" }), |shape| shape(generator).to_value());
        messages.insert(
            reply.clone(),
            json!({ "name": format!("reply to {}", exchange.subject), "headers": status(), "payload": payload }),
        );
        let refer = |name: &str| json!({ "$ref": format!("#/channels/reply/messages/{name}") });
        members.insert(
            "reply".to_owned(),
            json!({ "channel": { "$ref": "#/channels/reply" }, "messages": [refer(&reply), refer("refusal")] }),
        );
    }
    operations.insert(format!("receive-{name}"), operation);
}

fn status() -> Value {
    let status = json!({ "type": "string", "description": "As over HTTP: 200, 201 or 204" });
    json!({ "type": "object", "required": [header::STATUS], "properties": { header::STATUS: status } })
}

fn refusal() -> Value {
    let words: std::collections::BTreeSet<&str> = Code::ALL.iter().map(|code| code.word()).collect();
    json!({
        "name": "refusal",
        "summary": "Why it was not done",
        "headers": {
            "type": "object",
            "required": [header::STATUS, header::CODE],
            "properties": {
                header::STATUS: { "type": "string", "description": "As over HTTP" },
                header::CODE: { "type": "string", "enum": words },
            },
        },
        "payload": {
            "type": "object",
            "required": ["detail"],
            "properties": { "detail": { "type": "string", "description": "This occurrence, in a sentence" } },
        },
    })
}

/// Where answers go: to the reply subject of each request.
fn reply_channel(messages: &Map<String, Value>) -> Value {
    let replies = messages.keys().filter(|name| name.starts_with("reply-") || *name == "refusal");
    let refer = |name: &String| (name.clone(), json!({ "$ref": format!("#/components/messages/{name}") }));
    json!({
        "address": null,
        "description": "The reply subject of the request",
        "messages": replies.map(refer).collect::<Map<_, _>>(),
    })
}

fn publish(
    event: &EventType,
    generator: &mut SchemaGenerator,
    channels: &mut Map<String, Value>,
    operations: &mut Map<String, Value>,
    messages: &mut Map<String, Value>,
) {
    let address = format!("{}{}", subject::EVENT_PREFIX, event.kind);
    let name = plain(&address);
    messages.insert(
        name.clone(),
        json!({
            "name": address,
            "summary": event.about,
            "contentType": CLOUDEVENT,
            "headers": {
                "type": "object",
                "required": [header::CONTENT_TYPE],
                "properties": { header::CONTENT_TYPE: { "type": "string", "const": CLOUDEVENT } },
            },
            "payload": envelope(event, generator),
        }),
    );
    channels.insert(
        name.clone(),
        json!({
            "address": address,
            "description": format!("In the stream `{}`", stream::EVENTS),
            "messages": { &name: { "$ref": format!("#/components/messages/{name}") } },
        }),
    );
    operations.insert(
        format!("send-{name}"),
        json!({ "action": "send", "summary": event.about, "channel": { "$ref": format!("#/channels/{name}") } }),
    );
}
