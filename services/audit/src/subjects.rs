//! What an event is about: under which keys somebody finds it again.

use std::borrow::Cow;

use avanzacast_kit::time;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::event::Text;

/// What a broadcast's room is called: this, and its id.
const BROADCAST_ROOM: &str = "broadcast-";
const HOUR_MS: i64 = 3_600_000;

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

/// Kind and key.
pub(crate) type Key<'a> = (&'static str, Cow<'a, str>);

/// What an event is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Subjects<'a> {
    /// Its type.
    pub(crate) kind: String,
    /// The hour in which it happened, counted from 1970.
    pub(crate) hour: i64,
    /// Each once.
    pub(crate) keys: Vec<Key<'a>>,
}

impl<'a> Subjects<'a> {
    /// Reads an event; nothing, when it is none.
    pub(crate) fn of(line: &'a [u8]) -> Option<Self> {
        /// The parts that are looked at.
        #[derive(Deserialize)]
        struct Line<'a> {
            #[serde(borrow, rename = "type")]
            kind: Text<'a>,
            #[serde(borrow)]
            time: Text<'a>,
            #[serde(borrow)]
            data: &'a RawValue,
        }
        let Line { kind, time, data } = serde_json::from_slice(line).ok()?;
        let hour = time::parse_rfc3339(&time.0)?.div_euclid(HOUR_MS);
        Some(Self { kind: kind.0.into_owned(), hour, keys: keys(data.get())? })
    }
}

/// Under which keys an event with these data is found; nothing, when they are not what our events have.
pub(crate) fn keys<'a>(data: &'a str) -> Option<Vec<Key<'a>>> {
    let data: Data<'a> = serde_json::from_str(data).ok()?;
    let mut keys: Vec<Key<'a>> = Vec::with_capacity(4);
    let mut add = |kind, key: Option<Cow<'a, str>>| {
        if let Some(key) = key.filter(|key| !keys.contains(&(kind, key.clone()))) {
            keys.push((kind, key));
        }
    };
    let of_room = data.room.as_ref().and_then(|Text(room)| room.strip_prefix(BROADCAST_ROOM)).map(str::to_owned);
    let broadcast = data.broadcast.or(data.broadcast_id).map(|Text(id)| id);
    add("participant", data.participant.map(|Text(id)| id));
    add("broadcast", broadcast.or(of_room.map(Cow::Owned)));
    add("room", data.room.map(|Text(name)| name));
    add("stay", data.sid.or(data.stay).map(|Text(sid)| sid));
    for user in [data.user, data.owner_id, data.created_by] {
        add("user", user.map(|user| Cow::Owned(user.to_string())));
    }
    Some(keys)
}

#[cfg(test)]
mod tests {
    fn keys(data: &str) -> Vec<(&'static str, String)> {
        super::keys(data).unwrap().into_iter().map(|(kind, key)| (kind, key.into_owned())).collect()
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
