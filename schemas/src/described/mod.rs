//! The bus as a contract that any language can read: AsyncAPI 3.0 (<https://www.asyncapi.com/docs/reference/specification/v3.0.0>),
//! and a JSON Schema for each message. Made from the types of this crate and committed beside it.

mod asyncapi;
mod exchanges;
mod livekit;

use std::collections::BTreeMap;

use schemars::{SchemaGenerator, generate::SchemaSettings};
use serde_json::{Value, json};

pub use asyncapi::document as asyncapi;
use exchanges::exchanges;

use crate::event::{Event, EventType, Shape};

/// A JSON Schema (2020-12) for every command, query, reply and event, by the name of its file.
#[must_use]
pub fn json_schemas() -> BTreeMap<String, Value> {
    let mut all = BTreeMap::new();
    for exchange in exchanges() {
        all.insert(exchange.subject.to_owned(), alone(exchange.subject, exchange.about, exchange.asked));
        if let Some(reply) = exchange.answered {
            let name = format!("reply.{}", exchange.subject);
            all.insert(name.clone(), alone(&name, "The answer", reply));
        }
    }
    all.insert(livekit::NAME.to_owned(), alone(livekit::NAME, livekit::ABOUT, livekit::shape));
    for event in Event::described() {
        let name = format!("evt.{}", event.kind);
        let mut generator = SchemaSettings::draft2020_12().into_generator();
        let schema = envelope(&event, &mut generator);
        all.insert(name.clone(), document(&name, event.about, schema, &mut generator));
    }
    all
}

fn alone(name: &str, about: &str, shape: Shape) -> Value {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let schema = shape(&mut generator).to_value();
    document(name, about, schema, &mut generator)
}

/// A schema that stands by itself.
fn document(name: &str, about: &str, schema: Value, generator: &mut SchemaGenerator) -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": format!("urn:avanzacast:schema:{name}"),
        "title": name,
        "description": about,
        "allOf": [schema],
        "$defs": generator.take_definitions(true),
    })
}

/// An event as it stands in the ledger and on the bus: CloudEvents 1.0 around the data.
fn envelope(event: &EventType, generator: &mut SchemaGenerator) -> Value {
    json!({
        "type": "object",
        "required": [
            "specversion", "id", "source", "type", "time", "datacontenttype", "dataschema", "ledgerseq", "data"
        ],
        "properties": {
            "specversion": { "const": "1.0" },
            "id": { "type": "string", "format": "uuid", "description": "UUID v7" },
            "source": { "const": crate::SOURCE },
            "type": { "const": event.kind },
            "time": { "type": "string", "format": "date-time", "description": "By the database's clock" },
            "datacontenttype": { "const": "application/json" },
            "dataschema": { "const": event.dataschema },
            "ledgerseq": { "type": "string", "pattern": "^[1-9][0-9]*$", "description": "Its place in the ledger" },
            "data": (event.data)(generator),
        },
    })
}
