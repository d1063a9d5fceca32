//! Where lines go.

use std::io::{self, Write};

use serde_json::{Map, Value};

use crate::{CloudEvent, Line};

/// How events are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Each as it was recorded, byte for byte, on a line of its own.
    Ndjson,
    /// For people: place, time, type, room, participant, and the rest.
    Table,
}

/// Written to, event by event.
#[derive(Debug)]
pub struct Sink<W> {
    out: W,
    format: Format,
}

impl<W: Write> Sink<W> {
    /// Will write so.
    pub fn new(out: W, format: Format) -> Self {
        Self { out, format }
    }

    /// Writes one.
    ///
    /// # Errors
    /// It could not be written.
    pub fn write(&mut self, (place, line): &Line) -> io::Result<()> {
        match self.format {
            Format::Ndjson => {
                self.out.write_all(line)?;
                self.out.write_all(b"\n")
            }
            Format::Table => self.out.write_all(row(*place, line).as_bytes()),
        }
    }

    /// Writes out what is still held.
    ///
    /// # Errors
    /// It could not be written.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

fn row(place: u64, line: &[u8]) -> String {
    let Ok(event) = CloudEvent::read(line) else { return format!("{place:>9}  (no event)\n") };
    let data: Map<String, Value> = serde_json::from_str(event.data()).unwrap_or_default();
    let named = |name: &str| data.get(name).map_or_else(|| "-".to_owned(), shown);
    let what: Vec<String> = data
        .iter()
        .filter(|(name, _)| !["room", "participant"].contains(&name.as_str()))
        .map(|(name, value)| format!("{name}={}", shown(value)))
        .collect();
    let (time, kind, room, participant, what) =
        (event.time(), event.kind(), named("room"), named("participant"), what.join(" "));
    format!("{place:>9}  {time:24}  {kind:20}  {room:24}  {participant:28}  {what}\n")
}

/// A value in a word or two, with nothing that a terminal would obey.
fn shown(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        // Who: the kind, and the name where there is one.
        Value::Object(fields) => fields.values().map(shown).collect::<Vec<_>>().join(":"),
        Value::Array(items) => items.iter().map(shown).collect::<Vec<_>>().join(","),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    };
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}
