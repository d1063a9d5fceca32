//! What events say, as far as it is about who could enter a room and who did.

use std::fmt;

use avanzacast_kit::time;
use avanzacast_schemas::{
    BroadcastEnded, ParticipantId, ParticipantJoined, ParticipantLeft, ParticipantUnknown, PersonErased, PresenceGap,
    RoomFinished, SessionConsumedEvent, SessionCreatedEvent, SessionExpiredEvent, SessionRevokedEvent, TokenIssued,
    TokenRegistered, TokenReissued,
};
use serde::{Deserialize, Serialize, Serializer};

use crate::CloudEvent;

/// A moment: Unix milliseconds, written as RFC 3339.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct At(pub i64);

impl At {
    /// Of a text of ours; what cannot be read is the beginning of time.
    pub(super) fn read(text: &str) -> Self {
        Self(time::parse_rfc3339(text).unwrap_or_default())
    }

    pub(super) fn plus(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&time::rfc3339(self.0))
    }
}

impl Serialize for At {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// An event that matters here.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    /// Its place.
    pub(super) seq: u64,
    /// When it was recorded, by the database's clock.
    pub(super) at: At,
    /// What happened.
    pub(super) what: What,
}

/// Declares which types of events matter here, and their data.
macro_rules! what {
    ($($name:ident($data:ty) = $kind:literal,)*) => {
        #[derive(Debug, Clone)]
        pub(super) enum What { $($name(Box<$data>),)* }

        impl What {
            /// `None` when it does not matter here, or is not what its type says.
            fn read(kind: &str, data: &str) -> Option<Self> {
                match kind {
                    $($kind => serde_json::from_str(data).ok().map(Self::$name),)*
                    _ => None,
                }
            }
        }
    };
}

what! {
    LinkCreated(SessionCreatedEvent) = "session.created",
    TokenRegistered(TokenRegistered) = "token.registered",
    TokenIssued(TokenIssued) = "token.issued",
    TokenReissued(TokenReissued) = "token.reissued",
    Consumed(SessionConsumedEvent) = "session.consumed",
    Revoked(SessionRevokedEvent) = "session.revoked",
    Expired(SessionExpiredEvent) = "session.expired",
    Joined(ParticipantJoined) = "participant.joined",
    Left(ParticipantLeft) = "participant.left",
    Unknown(ParticipantUnknown) = "participant.unknown",
    RoomFinished(RoomFinished) = "room.finished",
    BroadcastEnded(BroadcastEnded) = "broadcast.ended",
    Erased(PersonErased) = "person.erased",
    Gap(PresenceGap) = "presence.gap",
}

impl Told {
    /// Reads a line; nothing, when it does not matter here.
    pub(crate) fn read(line: &[u8]) -> Option<Self> {
        /// Most lines of a ledger do not matter, and their data need not be read to see it.
        #[derive(Deserialize)]
        struct Kind<'a> {
            #[serde(rename = "type")]
            kind: &'a str,
        }
        let Kind { kind } = serde_json::from_slice(line).ok()?;
        let event = CloudEvent::read(line).ok()?;
        Some(Self { seq: event.place()?, at: At::read(event.time()), what: What::read(kind, event.data())? })
    }

    /// Whom it gives a session from outside.
    pub(super) fn registers(&self) -> Option<&ParticipantId> {
        let What::TokenRegistered(token) = &self.what else { return None };
        Some(&token.participant)
    }

    /// The token without a session that it tells of.
    pub(super) fn issues(&self) -> Option<&str> {
        let What::TokenIssued(token) = &self.what else { return None };
        Some(&token.jti)
    }
}
