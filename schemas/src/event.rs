//! Events as they stand in the ledger: CloudEvents 1.0, one JSON object on one line.

use schemars::{Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};

use crate::{
    BroadcastCreated, BroadcastEnded, BroadcastStarted, LedgerArchived, LedgerGap, ParticipantJoined, ParticipantLeft,
    ParticipantUnknown, PersonErased, PersonExpired, PresenceGap, RequestsRefused, RoomFinished, RoomStarted,
    SessionConsumedEvent, SessionCreatedEvent, SessionExpiredEvent, SessionRevokedEvent, TokenIssued, TokenRefused,
    TokenRegistered, TokenReissued, UserCreated,
};

/// CloudEvents `source` of every event.
pub const SOURCE: &str = "/avanzacast";

/// An event's type, for a description.
#[derive(Debug, Clone, Copy)]
pub struct EventType {
    /// The CloudEvents `type`.
    pub kind: &'static str,
    /// The CloudEvents `dataschema`.
    pub dataschema: &'static str,
    /// What happened, in a sentence.
    pub about: &'static str,
    /// The schema of its data.
    pub data: Shape,
}

/// Makes the schema of a type.
pub type Shape = fn(&mut SchemaGenerator) -> Schema;

/// Declares the event types: variant, data, the type's name, the version of its data.
macro_rules! events {
    ($(#[doc = $doc:literal] $name:ident($data:ty) = $kind:literal $version:literal,)*) => {
        /// What happened.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize)]
        #[serde(untagged)]
        pub enum Event { $(#[doc = $doc] $name($data),)* }

        impl Event {
            /// Every type's name.
            pub const KINDS: &'static [&'static str] = &[$($kind,)*];

            /// The CloudEvents `type`; the event is published under `evt.<type>`.
            #[must_use]
            pub fn kind(&self) -> &'static str {
                match self { $(Self::$name(_) => $kind,)* }
            }

            /// The CloudEvents `dataschema`. Fields are only ever added to a version.
            #[must_use]
            pub fn schema(&self) -> &'static str {
                match self { $(Self::$name(_) => concat!("urn:avanzacast:event:", $kind, ":", $version),)* }
            }

            /// Reads an event's data by its type; `None` for a type that is not ours.
            ///
            /// # Errors
            /// The data is not what every version of that type has.
            pub fn read(kind: &str, data: &str) -> Result<Option<Self>, serde_json::Error> {
                Ok(match kind {
                    $($kind => Some(Self::$name(serde_json::from_str(data)?)),)*
                    _ => None,
                })
            }

            /// Every type, described.
            #[must_use]
            pub fn described() -> Vec<EventType> {
                vec![$(EventType {
                    kind: $kind,
                    dataschema: concat!("urn:avanzacast:event:", $kind, ":", $version),
                    about: $doc.trim_ascii(),
                    data: SchemaGenerator::subschema_for::<$data>,
                },)*]
            }
        }
    };
}

events! {
    /// A single-use link exists.
    SessionCreated(SessionCreatedEvent) = "session.created" "1",
    /// A session and its token exist.
    TokenRegistered(TokenRegistered) = "token.registered" "1",
    /// A token that came from outside was not taken.
    TokenRefused(TokenRefused) = "token.refused" "1",
    /// A token without a session exists.
    TokenIssued(TokenIssued) = "token.issued" "1",
    /// A consumer came back.
    TokenReissued(TokenReissued) = "token.reissued" "1",
    /// Somebody was let in.
    SessionConsumed(SessionConsumedEvent) = "session.consumed" "1",
    /// A session was taken back.
    SessionRevoked(SessionRevokedEvent) = "session.revoked" "1",
    /// Nobody came.
    SessionExpired(SessionExpiredEvent) = "session.expired" "1",
    /// A user exists.
    UserCreated(UserCreated) = "user.created" "1",
    /// A broadcast exists.
    BroadcastCreated(BroadcastCreated) = "broadcast.created" "1",
    /// A broadcast is live.
    BroadcastStarted(BroadcastStarted) = "broadcast.started" "1",
    /// A broadcast is over.
    BroadcastEnded(BroadcastEnded) = "broadcast.ended" "1",
    /// Somebody is in a room.
    ParticipantJoined(ParticipantJoined) = "participant.joined" "1",
    /// A stay in a room is over.
    ParticipantLeft(ParticipantLeft) = "participant.left" "1",
    /// Somebody is in a room by a token that was never seen here.
    ParticipantUnknown(ParticipantUnknown) = "participant.unknown" "1",
    /// For a while nobody knew who was in which room.
    PresenceGap(PresenceGap) = "presence.gap" "1",
    /// A room exists in LiveKit.
    RoomStarted(RoomStarted) = "room.started" "1",
    /// A room is gone from LiveKit.
    RoomFinished(RoomFinished) = "room.finished" "1",
    /// What somebody was called has been erased.
    PersonErased(PersonErased) = "person.erased" "1",
    /// What some were called has been erased, because it was old.
    PersonExpired(PersonExpired) = "person.expired" "1",
    /// Requests were refused, so many of each kind.
    RequestsRefused(RequestsRefused) = "requests.refused" "1",
    /// The ledger's beginning is in files, and no more in the ledger.
    LedgerArchived(LedgerArchived) = "ledger.archived" "1",
    /// This ledger takes the place of one that lost events.
    LedgerGap(LedgerGap) = "ledger.gap" "1",
}

/// One line of the ledger. The bytes are the record: written once, published and exported as they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope<'a, D> {
    /// Always `1.0`.
    pub specversion: &'a str,
    /// UUID v7.
    pub id: &'a str,
    /// [`SOURCE`].
    pub source: &'a str,
    /// The event's type.
    #[serde(rename = "type")]
    pub kind: &'a str,
    /// RFC 3339, milliseconds, UTC; the database's clock.
    pub time: &'a str,
    /// Always `application/json`.
    pub datacontenttype: &'a str,
    /// Which version of the data this is.
    pub dataschema: &'a str,
    /// The place in the ledger, in decimal; the first is 1.
    pub ledgerseq: &'a str,
    /// The event itself.
    pub data: D,
}
