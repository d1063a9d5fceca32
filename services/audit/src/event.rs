//! One line of the ledger, read as far as anybody here needs it. Texts are borrowed from the line.

use std::borrow::Cow;

use avanzacast_kit::time;
use avanzacast_schemas::SOURCE;
use serde::Deserialize;
use serde_json::value::RawValue;

/// A text of JSON; only one with escapes in it is copied.
#[derive(Debug, Deserialize)]
pub(crate) struct Text<'a>(#[serde(borrow)] pub(crate) Cow<'a, str>);

/// The envelope (CloudEvents 1.0.2, <https://github.com/cloudevents/spec>, JSON format), and its extension `ledgerseq`.
#[derive(Debug, Deserialize)]
pub struct CloudEvent<'a> {
    #[serde(borrow)]
    specversion: Text<'a>,
    #[serde(borrow)]
    id: Text<'a>,
    #[serde(borrow)]
    source: Text<'a>,
    #[serde(borrow, rename = "type")]
    kind: Text<'a>,
    #[serde(borrow)]
    time: Text<'a>,
    #[serde(borrow)]
    ledgerseq: Text<'a>,
    #[serde(borrow)]
    data: &'a RawValue,
}

impl<'a> CloudEvent<'a> {
    /// Reads a line, and checks that it is one event of ours.
    ///
    /// # Errors
    /// What is wrong with it, without its values.
    pub fn read(line: &'a [u8]) -> Result<Self, &'static str> {
        if line.contains(&b'\n') {
            return Err("it is more than one line");
        }
        let event: Self = serde_json::from_slice(line).map_err(|_| "it is no CloudEvent in JSON")?;
        if event.specversion.0 != "1.0" || event.source.0 != SOURCE {
            return Err("it is no CloudEvent 1.0 of this backend");
        }
        if event.id.0.is_empty() || event.kind.0.is_empty() || time::parse_rfc3339(&event.time.0).is_none() {
            return Err("its id, type or time is missing");
        }
        if !event.data.get().starts_with('{') {
            return Err("its data is no object");
        }
        event.place().map(|_| event).ok_or("its ledgerseq is no number")
    }

    /// Its place in the ledger, as it says itself: decimal digits, the first of them not 0.
    #[must_use]
    pub fn place(&self) -> Option<u64> {
        let text = self.ledgerseq.0.as_ref();
        let plain = text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0');
        text.parse().ok().filter(|_| plain)
    }

    /// When it happened: RFC 3339.
    #[must_use]
    pub fn time(&self) -> &str {
        &self.time.0
    }

    /// Its type.
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.kind.0
    }

    /// Its data, as JSON.
    #[must_use]
    pub fn data(&self) -> &'a str {
        self.data.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(from: &str, to: &str) -> Result<u64, &'static str> {
        let good =
            r#"{"specversion":"1.0","id":"i","source":"/avanzacast","type":"t","time":"2026-02-02T02:40:00.007Z",
            "ledgerseq":"12","data":{"a":1}}"#
                .replace('\n', "");
        CloudEvent::read(good.replace(from, to).as_bytes()).map(|event| event.place().unwrap())
    }

    #[test]
    fn an_event_is_read_and_what_is_none_is_not() {
        assert_eq!(line("", ""), Ok(12));
        let bad = [
            ("\"1.0\"", "\"0.3\""),
            ("/avanzacast", "/else"),
            ("\"i\"", "\"\""),
            ("2026-02-02T", "yesterday "),
            ("\"12\"", "\"012\""),
            ("\"12\"", "\"+12\""),
            ("\"12\"", "12"),
            ("{\"a\":1}", "[1]"),
            ("}}", "}} {}"),
            ("\"id\"", "\"type\""),
            ("\"12\",", "\"12\",\n"),
        ];
        for (from, to) in bad {
            assert!(line(from, to).is_err(), "{from} -> {to}");
        }
    }
}
