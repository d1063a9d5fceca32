//! Who could enter a room, who did, and who did without a token of ours.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Actor, Grants, Moment, ParticipantId, PresenceSource, Role, RoomName, TokenOrigin};

/// `qry.audit.who`: the answer is a [`WhoPart`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AskWho {
    /// What is asked about.
    pub about: About,
    /// The time that is asked about; unset: all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period: Option<Period>,
    /// Events after this place are not looked at: parts of one answer are of one ledger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub through: Option<u64>,
    /// How many the parts before had, of `couldEnter`, `entered` and `strangers` together.
    #[serde(default)]
    pub skip: usize,
}

/// The answer to [`AskWho`]: as much of it as fits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WhoPart {
    /// The answer, with the lists' next items.
    pub answer: Who,
    /// There are more.
    pub more: bool,
}

/// What is asked about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum About {
    /// A room.
    Room(RoomName),
    /// A session, by whom it lets in.
    Session(ParticipantId),
}

/// A time that is asked about; of a moment, both ends are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Period {
    /// From here on.
    pub from: Moment,
    /// Up to here.
    pub to: Moment,
}

impl Period {
    /// All of it: up to the last moment that can be written in every time zone, 9999-12-30T22:00:00.999Z.
    pub const ALWAYS: Self = Self { from: Moment(0), to: Moment(253_402_207_200_999) };

    /// Whether something is in it that lasts from one moment until before another; or for ever.
    #[must_use]
    pub fn meets(&self, from: Moment, until: Option<Moment>) -> bool {
        from <= self.to && until.is_none_or(|until| until > self.from)
    }
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Who {
    /// The room that was asked about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room: Option<String>,
    /// The session that was asked about, by its participant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub participant: Option<String>,
    /// The time that was asked about; unset: all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period: Option<Period>,
    /// Who could enter.
    pub could_enter: Vec<Could>,
    /// Who entered, by a token that is known here.
    pub entered: Vec<Entered>,
    /// Who entered without one.
    pub strangers: Vec<Stay>,
    /// What this cannot say.
    pub not_covered: Limits,
}

/// Somebody who could enter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Could {
    /// By what.
    #[serde(flatten)]
    pub door: Door,
    /// How, in the time that is asked about.
    pub ways: Vec<Way>,
}

/// Somebody who entered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Entered {
    /// Their stay.
    #[serde(flatten)]
    pub stay: Stay,
    /// What let them in; none, when it came to be in what is archived, or nobody knows any more whose it was.
    pub door: Option<Door>,
    /// The tokens with which they may have come: those of theirs that counted when they did. LiveKit does not say which.
    pub by: Vec<Token>,
    /// None of those counted any more: they came by a token that LiveKit had made anew for them.
    pub refreshed: bool,
}

/// What the answer cannot say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Limits {
    /// Events in the ledger.
    pub size: u64,
    /// What is up to here was found by the index; what follows was looked at one by one.
    pub indexed: u64,
    /// What is up to here is in the files of `audit archive`, and was not looked at.
    pub archived: u64,
    /// Nobody knows who came and went in these times, except where it could be seen afterwards.
    pub gaps: Vec<Gap>,
    /// When LiveKit was last asked who is where, and all was as it is known here: who has come or gone since may not be known.
    /// Unset, when it never was.
    pub known_until: Option<Moment>,
}

/// A time in which nobody knew who was where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Gap {
    /// The event's place in the ledger.
    pub seq: u64,
    /// When we last knew.
    pub from: Moment,
    /// When we knew again.
    pub to: Moment,
    /// Stays that were found to have begun.
    pub joined: u32,
    /// Stays that were found to have ended.
    pub left: u32,
}

/// What could be used to enter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Means {
    /// A token, until its `exp` and LiveKit's leeway.
    Token,
    /// A link that had not been used, had not run out, and gave a token to whoever came.
    Link,
    /// The key of whoever had used the link: it gave another token.
    Resume,
    /// The token that LiveKit hands to whoever is connected: 10 minutes after they left, and its leeway.
    Refreshed,
}

/// A way in, and when it was open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Way {
    /// What it takes.
    pub means: Means,
    /// The token's fingerprint, where it is one of those that are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// From when on.
    pub from: Moment,
    /// Until when; unset while somebody is still connected.
    pub until: Option<Moment>,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Happened {
    /// The event's place in the ledger.
    pub seq: u64,
    /// When.
    pub at: Moment,
    /// Who asked.
    pub actor: Actor,
}

/// How a token came to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Minted {
    /// With its session, or at the consume of a single-use link.
    Registered,
    /// For the same consumer, who came back.
    Reissued,
    /// Without a session.
    Issued,
}

/// A token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Token {
    /// Its id, when it has one.
    pub jti: Option<String>,
    /// Lower-case hex of SHA-256 of its text.
    pub fingerprint: String,
    /// The API key that signed it.
    pub issuer: String,
    /// Who minted it: we, or somebody outside.
    pub origin: TokenOrigin,
    /// How it came to be.
    pub how: Minted,
    /// What it allows.
    pub grants: Grants,
    /// When it was recorded, and who asked.
    #[serde(flatten)]
    pub made: Happened,
    /// Its `exp`.
    pub expires_at: Moment,
    /// Until when LiveKit takes it: `exp` and a leeway of 60 s.
    pub until: Moment,
}

/// A session, or a token without one: what lets somebody in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Door {
    /// Whom it lets in; none, for a token without a session.
    pub participant: Option<ParticipantId>,
    /// Where to.
    pub room: String,
    /// What they are called.
    pub name: Option<Known>,
    /// Who they are in LiveKit, where that is not the participant.
    pub identity: Option<Known>,
    /// As what, where we decided it.
    pub role: Option<Role>,
    /// The broadcast that it belongs to.
    pub broadcast: Option<Uuid>,
    /// The user who registered it.
    #[schemars(extend("minimum" = i64::MIN, "maximum" = i64::MAX))]
    pub created_by: Option<i64>,
    /// Whether only one consume is let in.
    pub single_use: bool,
    /// When it came to be, and who asked.
    pub made: Happened,
    /// When the session ends; of a token without one, that token's end.
    pub expires_at: Moment,
    /// Its tokens, in order.
    pub tokens: Vec<Token>,
    /// When it was used.
    pub consumed: Option<Happened>,
    /// Until when whoever used it may come back.
    pub resume_until: Option<Moment>,
    /// When it was taken back.
    pub revoked: Option<Happened>,
    /// When it was found that nobody had come.
    pub expired: Option<Happened>,
    /// When its broadcast ended, and it with it.
    pub ended: Option<Happened>,
    /// When what they were called was erased: the event's place.
    pub erased: Option<u64>,
}

/// One end of a stay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Seen {
    /// The event's place in the ledger.
    pub seq: u64,
    /// By LiveKit's clock.
    pub at: Moment,
    /// How we know.
    pub source: PresenceSource,
    /// Why it ended, by LiveKit's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Somebody's stay in a room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Stay {
    /// LiveKit's id for it.
    pub sid: String,
    /// Where.
    pub room: String,
    /// LiveKit's id for that life of the room.
    pub room_sid: String,
    /// Whom a session had let in.
    pub participant: Option<ParticipantId>,
    /// Who they were in LiveKit, where that is not the participant.
    pub identity: Option<Known>,
    /// When it began; unset when nobody saw it.
    pub joined: Option<Seen>,
    /// When it ended; unset while nobody has seen it.
    pub left: Option<Seen>,
    /// That no token of ours is known for it: the event's place.
    pub unknown: Option<u64>,
    /// When who they were was erased: the event's place.
    pub erased: Option<u64>,
}

/// What became of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// SHA-256(salt ‖ value) is the hash that the ledger has.
    Proved,
    /// It is not: the ledger says another value.
    Mismatch,
    /// The value is not kept any more.
    Erased,
}

/// A value that the ledger knows by its hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Known {
    /// What is kept; nothing, when it was erased.
    pub value: Option<String>,
    /// Whether that is what the ledger has the hash of.
    pub standing: Standing,
    /// Lower-case hex of SHA-256(salt ‖ value), as the ledger has it.
    pub hash: String,
}

impl Known {
    /// Only the hash is known.
    #[must_use]
    pub fn hashed(hash: &str) -> Self {
        Self { value: None, standing: Standing::Erased, hash: hash.to_owned() }
    }

    /// The value, if it is the one that the ledger means.
    #[must_use]
    pub fn proved(&self) -> Option<&str> {
        self.value.as_deref().filter(|_| self.standing == Standing::Proved)
    }
}
