//! What an event is about: under which keys somebody finds it again.

use avanzacast_kit::time;
use serde::Deserialize;

use crate::event::Text;

/// What a broadcast's room is called: this, and its id.
const BROADCAST_ROOM: &str = "broadcast-";
const HOUR_MS: i64 = 3_600_000;

/// The parts of an event that are looked at.
#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow, rename = "type")]
    kind: Text<'a>,
    #[serde(borrow)]
    time: Text<'a>,
    #[serde(borrow)]
    data: Data<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data<'a> {
    #[serde(borrow, default)]
    participant: Option<Text<'a>>,
    #[serde(borrow, default)]
    room: Option<Text<'a>>,
    #[serde(borrow, default)]
    broadcast: Option<Text<'a>>,
    #[serde(borrow, default)]
    broadcast_id: Option<Text<'a>>,
    /// LiveKit's id of a stay, in events about participants.
    #[serde(borrow, default)]
    sid: Option<Text<'a>>,
    #[serde(borrow, default)]
    stay: Option<Text<'a>>,
    #[serde(default)]
    user: Option<i64>,
    #[serde(default)]
    owner_id: Option<i64>,
    #[serde(default)]
    created_by: Option<i64>,
}

/// What an event is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Subjects {
    /// Its type.
    pub(crate) kind: String,
    /// The hour in which it happened, counted from 1970.
    pub(crate) hour: i64,
    /// Kind and key, each once.
    pub(crate) keys: Vec<(&'static str, String)>,
}

impl Subjects {
    /// Reads an event; nothing, when it is none.
    pub(crate) fn of(line: &[u8]) -> Option<Self> {
        let Line { kind, time, data } = serde_json::from_slice(line).ok()?;
        let hour = time::parse_rfc3339(&time.0)?.div_euclid(HOUR_MS);
        let mut keys = Vec::new();
        let mut add = |kind, key: Option<String>| {
            if let Some(key) = key.filter(|key| !keys.contains(&(kind, key.clone()))) {
                keys.push((kind, key));
            }
        };
        let text = |text: &Option<Text<'_>>| text.as_ref().map(|text| text.0.clone().into_owned());
        let number = |number: Option<i64>| number.map(|number| number.to_string());
        let room = text(&data.room);
        add("participant", text(&data.participant));
        let of_room = room.as_deref().and_then(|room| room.strip_prefix(BROADCAST_ROOM)).map(str::to_owned);
        add("broadcast", text(&data.broadcast).or_else(|| text(&data.broadcast_id)).or(of_room));
        add("room", room);
        add("stay", text(&data.sid).or_else(|| text(&data.stay)));
        for user in [data.user, data.owner_id, data.created_by] {
            add("user", number(user));
        }
        Some(Self { kind: kind.0.into_owned(), hour, keys })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(data: &str) -> Vec<(&'static str, String)> {
        let line = format!(r#"{{"type":"t","time":"2026-02-02T02:40:00.007Z","data":{data}}}"#);
        Subjects::of(line.as_bytes()).unwrap().keys
    }

    #[test]
    fn an_event_is_found_under_all_that_it_is_about() {
        assert_eq!(
            keys(r#"{"participant":"p_x","room":"demo"}"#),
            [("participant", "p_x".to_owned()), ("room", "demo".to_owned())]
        );
        let broadcast = [("broadcast", "b".to_owned()), ("room", "broadcast-b".to_owned())];
        assert_eq!(keys(r#"{"room":"broadcast-b"}"#), broadcast);
        assert_eq!(keys(r#"{"room":"broadcast-b","broadcastId":"b"}"#), broadcast);
        assert_eq!(keys(r#"{"sid":"PA_x","room":"r"}"#), [("room", "r".to_owned()), ("stay", "PA_x".to_owned())]);
        assert_eq!(
            keys(r#"{"user":7,"ownerId":7,"createdBy":8}"#),
            [("user", "7".to_owned()), ("user", "8".to_owned())]
        );
        assert_eq!(keys("{}"), []);
    }
}
