//! An event on its way to those who watch, and whether they asked for it.

use std::borrow::Cow;

use avanzacast_schemas::{EventFilter, ParticipantId, RoomName};
use bytes::Bytes;
use serde::Deserialize;

use super::frame;

/// An event, read once for all who watch.
#[derive(Debug)]
pub(super) struct Event {
    /// Its place in the ledger.
    pub(super) seq: u64,
    /// What is sent.
    pub(super) frame: Bytes,
    kind: String,
    about: About<String>,
}

/// The envelope, as far as it matters here.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    ledgerseq: Text<'a>,
    #[serde(borrow, rename = "type")]
    kind: Text<'a>,
    #[serde(borrow)]
    data: About<Text<'a>>,
}

/// A text of JSON; only one with escapes in it is copied.
#[derive(Debug, Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// What can be asked for. The same as the ledger's index has, so that history and present are of one kind.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct About<T> {
    #[serde(default = "none")]
    participant: Option<T>,
    #[serde(default = "none")]
    room: Option<T>,
    #[serde(default = "none")]
    broadcast: Option<T>,
    #[serde(default = "none")]
    broadcast_id: Option<T>,
    #[serde(default)]
    user: Option<i64>,
    #[serde(default)]
    created_by: Option<i64>,
    #[serde(default)]
    owner_id: Option<i64>,
}

/// In place of `Default`, which would want one of `T`.
fn none<T>() -> Option<T> {
    None
}

impl Event {
    /// Reads one; `None` when it is no event of ours.
    pub(super) fn read(body: &[u8]) -> Option<Self> {
        let Envelope { ledgerseq, kind, data } = serde_json::from_slice(body).ok()?;
        let seq = ledgerseq.0.parse().ok()?;
        let own = |text: Option<Text<'_>>| text.map(|text| text.0.into_owned());
        let About { participant, room, broadcast, broadcast_id, user, created_by, owner_id } = data;
        let about = About {
            participant: own(participant),
            room: own(room),
            broadcast: own(broadcast),
            broadcast_id: own(broadcast_id),
            user,
            created_by,
            owner_id,
        };
        let kind = kind.0.into_owned();
        Some(Self { seq, frame: frame::event(Some((seq, &kind)), body), kind, about })
    }

    /// Whether somebody asked for it.
    pub(super) fn is_in(&self, filter: &EventFilter) -> bool {
        let EventFilter { types, participant, room, broadcast, user } = filter;
        let about = &self.about;
        let is = |found: &Option<String>, wanted: &str| found.as_deref() == Some(wanted);
        let of_broadcast = |id: &uuid::Uuid| {
            let id = id.to_string();
            is(&about.broadcast, &id)
                || is(&about.broadcast_id, &id)
                || about.room.as_deref().and_then(|room| room.strip_prefix("broadcast-")) == Some(&id)
        };
        (types.is_empty() || types.iter().any(|wanted| holds(wanted, &self.kind)))
            && participant.as_ref().map(ParticipantId::as_str).is_none_or(|wanted| is(&about.participant, wanted))
            && room.as_ref().map(RoomName::as_str).is_none_or(|wanted| is(&about.room, wanted))
            && broadcast.as_ref().is_none_or(of_broadcast)
            && user.is_none_or(|wanted| [about.user, about.created_by, about.owner_id].contains(&Some(wanted)))
    }
}

/// Whether a type is the one that is wanted, or one of those that begin so.
fn holds(wanted: &str, kind: &str) -> bool {
    match wanted.strip_suffix('*').filter(|start| start.ends_with('.')) {
        Some(start) => kind.starts_with(start),
        None => wanted == kind,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: &str, data: &str) -> Event {
        Event::read(format!(r#"{{"ledgerseq":"7","type":"{kind}","data":{data}}}"#).as_bytes()).unwrap()
    }

    fn filter(json: &str) -> EventFilter {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn what_is_asked_for_is_found_and_nothing_else() {
        let broadcast = "019c1c3f-0000-7000-8000-000000000009";
        let room = format!("broadcast-{broadcast}");
        let consumed =
            event("session.consumed", r#"{"participant":"p_fogkuxfwkgewsrvabnfa6sk32m","room":"d\u00e9mo"}"#);
        for (wanted, found) in [
            ("{}", true),
            (r#"{"types":["session.*"]}"#, true),
            (r#"{"types":["user.created","session.consumed"]}"#, true),
            (r#"{"types":["session.consume"]}"#, false),
            (r#"{"types":["session*"]}"#, false),
            (r#"{"participant":"p_fogkuxfwkgewsrvabnfa6sk32m"}"#, true),
            (r#"{"participant":"p_fogkuxfwkgewsrvabnfa6sk32n"}"#, false),
            (r#"{"room":"démo","types":["session.*"]}"#, true),
            (r#"{"room":"démo","types":["user.*"]}"#, false),
            (r#"{"room":"demo"}"#, false),
            (r#"{"user":7}"#, false),
        ] {
            assert_eq!(consumed.is_in(&filter(wanted)), found, "{wanted}");
        }
        let wanted = filter(&format!(r#"{{"broadcast":"{broadcast}"}}"#));
        assert!(event("broadcast.ended", &format!(r#"{{"broadcast":"{broadcast}"}}"#)).is_in(&wanted));
        assert!(event("token.registered", &format!(r#"{{"broadcastId":"{broadcast}"}}"#)).is_in(&wanted));
        assert!(event("participant.joined", &format!(r#"{{"room":"{room}"}}"#)).is_in(&wanted));
        assert!(!event("participant.joined", &format!(r#"{{"room":"{broadcast}"}}"#)).is_in(&wanted));
        for owner in ["user", "createdBy", "ownerId"] {
            assert!(event("x.y", &format!(r#"{{"{owner}":7}}"#)).is_in(&filter(r#"{"user":7}"#)), "{owner}");
        }
    }

    #[test]
    fn what_is_no_event_of_ours_has_no_place() {
        for body in ["", "{}", "forged", r#"{"ledgerseq":"x","type":"a","data":{}}"#, r#"{"ledgerseq":"1","type":"a"}"#]
        {
            assert!(Event::read(body.as_bytes()).is_none(), "{body}");
        }
    }
}
