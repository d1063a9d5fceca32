//! Everything that can be said instead of yes, with the status that goes with it.

use serde::{Deserialize, Serialize};

/// Declares the refusals: the variant, its HTTP status, its stable machine word, its title.
macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $status:literal $word:literal $title:literal,)*) => {
        /// Why a command was not carried out. The word is part of the contract and never changes its meaning.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "PascalCase")]
        pub enum Code { $($(#[$doc])* $name,)* }

        impl Code {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The HTTP status.
            #[must_use]
            pub fn status(self) -> u16 {
                match self { $(Self::$name => $status,)* }
            }

            /// The stable machine word (`code` of a problem document, header `Code` of a reply).
            #[must_use]
            pub fn word(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }

            /// The problem's title: the same for every occurrence.
            #[must_use]
            pub fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }
        }
    };
}

codes! {
    /// The request cannot be read.
    Malformed = 400 "malformed" "The request is malformed",
    /// A life time outside its limits.
    TtlOutOfRange = 400 "ttl_out_of_range" "The ttl is out of range",
    /// A registered token that is not valid here.
    TokenInvalid = 400 "token_invalid" "The token is not valid",
    /// The caller must show a credential.
    CredentialRequired = 401 "credential_required" "A credential is required",
    /// What was shown as a credential is none.
    CredentialInvalid = 401 "credential_invalid" "The credential is not valid",
    /// The credential is valid, and not for this.
    ScopeMissing = 403 "scope_missing" "The credential lacks a scope",
    /// The credential is valid, and not from here.
    AddressNotAllowed = 403 "address_not_allowed" "The credential may not be used from this address",
    /// The console's cookie, and not from a page of ours.
    OriginNotAllowed = 403 "origin_not_allowed" "The console's cookie counts for its own pages only",
    /// Only a broadcast's own sessions enter this room.
    RoomReserved = 403 "room_reserved" "The room is reserved",
    /// No such route.
    NotFound = 404 "not_found" "Not found",
    /// No such session.
    SessionNotFound = 404 "session_not_found" "The session is unknown",
    /// No such user.
    UserNotFound = 404 "user_not_found" "The user is unknown",
    /// No such broadcast.
    BroadcastNotFound = 404 "broadcast_not_found" "The broadcast is unknown",
    /// No such dead letter.
    DeadNotFound = 404 "dead_not_found" "The dead letter is unknown",
    /// The route exists, this method of it does not.
    MethodNotAllowed = 405 "method_not_allowed" "The method is not allowed",
    /// Somebody else redeemed the session.
    SessionTaken = 409 "session_consumed" "The session was already consumed",
    /// The session id is in use for another token.
    SessionExists = 409 "session_exists" "The session exists with another token",
    /// The broadcast is over: nobody is let in any more.
    BroadcastOver = 409 "broadcast_ended" "The broadcast has ended",
    /// Another user has this e-mail address.
    EmailTaken = 409 "email_taken" "The e-mail address is taken",
    /// Another user has this name.
    UsernameTaken = 409 "username_taken" "The username is taken",
    /// The broadcast is not in the state that this would change.
    BroadcastState = 409 "broadcast_state" "The broadcast is in another state",
    /// The dead letter is none that anybody takes out of a stream, or only a part of it is left.
    DeadStays = 409 "dead_stays" "The dead letter cannot be delivered again",
    /// The session was consumed; it can no longer be looked at.
    SessionConsumed = 410 "session_consumed" "The session was consumed",
    /// The session ran out.
    SessionExpired = 410 "session_expired" "The session has expired",
    /// The session was revoked.
    SessionRevoked = 410 "session_revoked" "The session was revoked",
    /// The session's broadcast is over.
    SessionBroadcastOver = 410 "broadcast_ended" "The session's broadcast has ended",
    /// The body is too large.
    PayloadTooLarge = 413 "payload_too_large" "The body is too large",
    /// The body is not JSON.
    UnsupportedMediaType = 415 "unsupported_media_type" "The media type is not supported",
    /// Asked for by a name that is not ours, where a name is all there is to know a caller by.
    HostNotAllowed = 421 "host_not_allowed" "The backend is not reached by this name",
    /// The same idempotency key came with another body.
    IdempotencyKeyReused = 422 "idempotency_key_reused" "The idempotency key was used for another request",
    /// What was asked for is more than one answer holds.
    AnswerTooLarge = 422 "answer_too_large" "The answer is too large",
    /// The user who is to own something does not exist.
    OwnerUnknown = 422 "owner_unknown" "The owner is unknown",
    /// Too many requests from one client.
    RateLimited = 429 "rate_limited" "Too many requests",
    /// Something that should not happen.
    Internal = 500 "internal" "Internal error",
    /// LiveKit is away, or does not answer as LiveKit does.
    LiveKitFailed = 502 "livekit_failed" "LiveKit failed",
    /// More is waiting than will be done in time.
    Busy = 503 "busy" "Too busy",
    /// The workers or the bus are away.
    BusUnavailable = 503 "bus_unavailable" "The bus is unavailable",
    /// The worker cannot reach its database.
    DatabaseUnavailable = 503 "database_unavailable" "The database is unavailable",
    /// The database has lost events that others have seen; nothing is added to it until an operator has looked.
    LedgerBehind = 503 "ledger_behind" "The ledger is behind its own events",
    /// Nobody answered in time; the command may or may not have been carried out.
    NoAnswer = 504 "no_answer" "No answer in time",
    /// LiveKit did not answer in time.
    LiveKitTimeout = 504 "livekit_timeout" "LiveKit did not answer in time",
}

impl Code {
    /// The code that a reply's headers name. The status tells apart codes that share a word.
    #[must_use]
    pub fn from_reply(status: u16, word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.status() == status && code.word() == word)
    }
}

/// A refusal: the code, and what was wrong this time. The detail is for the caller: it never holds a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// Which refusal.
    pub code: Code,
    /// This occurrence, in a sentence.
    pub detail: String,
}

impl Refusal {
    /// A refusal with a sentence of its own.
    #[must_use]
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into() }
    }
}

impl From<Code> for Refusal {
    fn from(code: Code) -> Self {
        Self::new(code, code.title())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_and_a_word_name_one_code() {
        for code in Code::ALL {
            assert_eq!(Code::from_reply(code.status(), code.word()), Some(*code));
        }
        assert_eq!(Code::from_reply(200, "malformed"), None);
    }
}
