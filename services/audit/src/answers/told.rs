//! What events say, as far as it is about who could enter a room and who did.

use avanzacast_schemas::{
    BroadcastEnded, Moment, ParticipantId, ParticipantJoined, ParticipantLeft, ParticipantUnknown, PersonErased,
    PresenceGap, RoomFinished, SessionConsumedEvent, SessionCreatedEvent, SessionExpiredEvent, SessionRevokedEvent,
    TokenIssued, TokenRegistered, TokenReissued,
};
use serde::Deserialize;

use crate::CloudEvent;

/// Reads a text of ours; what cannot be read is the beginning of time.
pub(super) fn moment(text: &str) -> Moment {
    text.parse().unwrap_or_default()
}

/// An event that matters here.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    /// Its place.
    pub(super) seq: u64,
    /// When it was recorded, by the database's clock.
    pub(super) at: Moment,
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
        Some(Self { seq: event.place()?, at: moment(event.time()), what: What::read(kind, event.data())? })
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
