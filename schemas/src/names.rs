//! Names that are valid by construction.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// Why a value was not taken; the text is meant for the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalid(pub &'static str);

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Invalid {}

/// Longest room name, username and identity, in bytes: LiveKit's own limit on a room name and an identity.
const NAME_MAX_BYTES: usize = 256;

pub(crate) fn check_name(
    value: &str,
    empty: &'static str,
    long: &'static str,
    control: &'static str,
) -> Result<(), Invalid> {
    if value.trim().is_empty() {
        return Err(Invalid(empty));
    }
    if value.len() > NAME_MAX_BYTES {
        return Err(Invalid(long));
    }
    if value.chars().any(char::is_control) {
        return Err(Invalid(control));
    }
    Ok(())
}

/// No control characters, and at least one that is no blank either, in an expression that every engine knows: Unicode's
/// own names for these are not known to all, and what `\\s` is differs.
pub(crate) const NOT_BLANK: &str = "^[^\\u0000-\\u001F\\u007F-\\u009F]*\
    [^\\u0000-\\u0020\\u007F-\\u00A0\\u1680\\u2000-\\u200A\\u2028\\u2029\\u202F\\u205F\\u3000]\
    [^\\u0000-\\u001F\\u007F-\\u009F]*$";

/// Declares a string that is checked when it is made, from code or from JSON.
macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $schema:tt, $check:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = Invalid;

            fn try_from(value: String) -> Result<Self, Invalid> {
                let check: fn(&str) -> Result<(), Invalid> = $check;
                check(&value)?;
                Ok(Self(value))
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

pub(crate) use name;

name! {
    /// A LiveKit room's name: 1 to 256 bytes, not blank, no control characters, not `*`.
    RoomName, {
        "type": "string", "minLength": 1, "maxLength": 256, "pattern": NOT_BLANK, "not": { "const": "*" }
    }, |value| {
        check_name(value, "room must not be empty or blank", "room must be at most 256 bytes",
            "room must not contain control characters")?;
        if value == "*" { Err(Invalid("room must name one room, not *")) } else { Ok(()) }
    }
}

name! {
    /// What a participant is called on the screen: 1 to 256 bytes, not blank, no control characters.
    Username, {
        "type": "string", "minLength": 1, "maxLength": 256, "pattern": NOT_BLANK
    }, |value| check_name(value, "username must not be empty or blank", "username must be at most 256 bytes",
        "username must not contain control characters")
}

name! {
    /// A LiveKit identity that somebody else chose, in a token of theirs: limits as for a username.
    Identity, {
        "type": "string", "minLength": 1, "maxLength": 256, "pattern": NOT_BLANK
    }, |value| check_name(value, "identity must not be empty or blank", "identity must be at most 256 bytes",
        "identity must not contain control characters")
}

name! {
    /// The key to a session: whoever has it may enter. 4 to 128 of `[A-Za-z0-9_-]`. It appears only in HTTP paths
    /// and bodies, state and cache; everything else carries the [`ParticipantId`].
    SessionId, { "type": "string", "pattern": "^[A-Za-z0-9_-]{4,128}$" }, |value| {
        if is_token(value, 4, 128) { Ok(()) } else { Err(Invalid("a session id is 4 to 128 of A-Z a-z 0-9 _ -")) }
    }
}

name! {
    /// The consumer's own key, by which a repeated consume is recognised. 32 to 128 of `[A-Za-z0-9_-]`.
    ResumeKey, { "type": "string", "pattern": "^[A-Za-z0-9_-]{32,128}$" }, |value| {
        if is_token(value, 32, 128) { Ok(()) } else { Err(Invalid("a resume key is 32 to 128 of A-Z a-z 0-9 _ -")) }
    }
}

fn is_token(value: &str, min: usize, max: usize) -> bool {
    (min..=max).contains(&value.len()) && value.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

impl RoomName {
    /// For what says no room.
    #[must_use]
    pub fn unnamed() -> Self {
        Self("unnamed".to_owned())
    }

    /// A broadcast's own.
    #[must_use]
    pub fn of_broadcast(id: Uuid) -> Self {
        Self(format!("{BROADCAST_PREFIX}{id}"))
    }
}

impl Username {
    /// The name, or `guest` when it cannot be one.
    #[must_use]
    pub fn or_guest(name: String) -> Self {
        Self::try_from(name).unwrap_or_else(|_| Self("guest".to_owned()))
    }
}

impl From<Uuid> for SessionId {
    fn from(id: Uuid) -> Self {
        Self(id.to_string())
    }
}

/// What stands in the place of an id that was lost.
const REBUILT_PREFIX: &str = "rebuilt:";

impl SessionId {
    /// The participant that this session lets in.
    #[must_use]
    pub fn participant(&self) -> ParticipantId {
        let rebuilt = self.0.strip_prefix(REBUILT_PREFIX).and_then(ParticipantId::named);
        rebuilt.unwrap_or_else(|| ParticipantId::of(self))
    }

    /// In the place of the id of a session that was made anew from the ledger, which does not have it. No session that
    /// anybody asks for has such a name, so it opens no door.
    #[must_use]
    pub fn rebuilt(participant: &ParticipantId) -> Self {
        Self(format!("{REBUILT_PREFIX}{participant}"))
    }

    /// As a database has it: an id, or what stands in the place of one.
    ///
    /// # Errors
    /// Neither.
    pub fn stored(text: String) -> Result<Self, Invalid> {
        let rebuilt = text.strip_prefix(REBUILT_PREFIX).and_then(ParticipantId::named);
        rebuilt.map_or_else(|| Self::try_from(text), |participant| Ok(Self::rebuilt(&participant)))
    }
}

/// What the name of a broadcast's room begins with.
const BROADCAST_PREFIX: &str = "broadcast-";

/// Whether a room's name is one that only a broadcast's own sessions may use.
#[must_use]
pub fn reserved_for_broadcasts(room: &RoomName) -> bool {
    room.as_str().starts_with(BROADCAST_PREFIX)
}

/// The broadcast whose room this is, by its name.
#[must_use]
pub fn broadcast_of(room: &RoomName) -> Option<Uuid> {
    let id = room.as_str().strip_prefix(BROADCAST_PREFIX)?;
    // An id has other ways to be written, and they name other rooms.
    Uuid::try_parse(id).ok().filter(|broadcast| broadcast.to_string() == id)
}

/// Who a session lets in, for every place that must not show the session id: `p_` and the first 26 characters of the
/// lower-case base32 of SHA-256(`avanzacast participant\0` ‖ session id).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct ParticipantId(String);

impl ParticipantId {
    fn of(session: &SessionId) -> Self {
        let digest = Sha256::new().chain_update(b"avanzacast participant\0").chain_update(session.as_str()).finalize();
        let mut text = String::from("p_");
        text.extend(data_encoding::BASE32_NOPAD.encode(&digest).chars().take(26).map(|c| c.to_ascii_lowercase()));
        Self(text)
    }

    /// The participant that a LiveKit identity names, when it has the form of ours. Whether we ever made it is another
    /// question.
    #[must_use]
    pub fn named(identity: &str) -> Option<Self> {
        let rest = identity.strip_prefix("p_")?;
        let ours = rest.len() == 26 && rest.bytes().all(|b| matches!(b, b'a'..=b'z' | b'2'..=b'7'));
        ours.then(|| Self(identity.to_owned()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ParticipantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A life time in whole seconds, at least one. How long it may be at most is configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Ttl(u32);

impl JsonSchema for Ttl {
    fn schema_name() -> Cow<'static, str> {
        "Ttl".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": 1, "maximum": u32::MAX })
    }
}

impl Ttl {
    /// The number of seconds.
    #[must_use]
    pub fn seconds(self) -> u32 {
        self.0
    }
}

impl TryFrom<u32> for Ttl {
    type Error = Invalid;

    fn try_from(seconds: u32) -> Result<Self, Invalid> {
        if seconds == 0 { Err(Invalid("ttl must be at least 1 second")) } else { Ok(Self(seconds)) }
    }
}

impl From<Ttl> for u32 {
    fn from(ttl: Ttl) -> Self {
        ttl.0
    }
}

/// What a participant may do; the grants follow from it on the server, never from a request's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Publishes, subscribes, sends data.
    #[default]
    Guest,
    /// Subscribes.
    Viewer,
    /// As a guest; needs a credential to be given.
    Cohost,
    /// As a guest; needs a credential to be given.
    Host,
}

impl Role {
    /// The word on the wire and in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Guest => "guest",
            Self::Viewer => "viewer",
            Self::Cohost => "cohost",
            Self::Host => "host",
        }
    }

    /// Whether only a caller with a credential may give it.
    #[must_use]
    pub fn needs_credential(self) -> bool {
        match self {
            Self::Guest | Self::Viewer => false,
            Self::Cohost | Self::Host => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(value: &str) -> Result<RoomName, Invalid> {
        RoomName::try_from(value.to_owned())
    }

    #[test]
    fn room_names_are_checked_at_their_edges() {
        assert!(room("a").is_ok());
        assert!(room(&"é".repeat(128)).is_ok());
        for bad in ["", " ", "\u{3000}", "*", "a\u{7}", "a\u{85}", &"é".repeat(129)] {
            assert!(room(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn ttl_takes_whole_positive_seconds_only() {
        for bad in ["0", "-1", "1.5", "300.0", "\"300\"", "true", "null", "4294967296", "1e3"] {
            assert!(serde_json::from_str::<Ttl>(bad).is_err(), "{bad}");
        }
        assert_eq!(serde_json::from_str::<Ttl>("300").unwrap().seconds(), 300);
    }

    #[test]
    fn the_participant_is_what_the_contract_says() {
        let id = SessionId::try_from("9f1c2d3e-0000-4000-8000-000000000001".to_owned()).unwrap();
        let participant = id.participant();
        assert_eq!(participant.as_str().len(), 28);
        // python3: 'p_'+base64.b32encode(sha256(b'avanzacast participant\0'+id).digest())[:26].lower()
        assert_eq!(participant.as_str(), include_str!("../golden/participant.txt").trim());
    }

    #[test]
    fn what_stands_in_the_place_of_an_id_is_read_from_a_database_only() {
        let id = SessionId::try_from("9f1c2d3e-0000-4000-8000-000000000001".to_owned()).unwrap();
        let rebuilt = SessionId::rebuilt(&id.participant());
        assert_eq!(rebuilt.participant(), id.participant());
        assert_eq!(SessionId::stored(rebuilt.to_string()).unwrap(), rebuilt);
        assert_eq!(SessionId::stored(id.to_string()).unwrap(), id);
        assert!(SessionId::try_from(rebuilt.to_string()).is_err(), "nobody can ask for it");
        assert!(SessionId::stored("rebuilt:p_x".to_owned()).is_err());
    }
}
