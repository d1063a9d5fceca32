//! The audit: what is asked of the audit worker, and the data of the events that keep the ledger honest.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Actor, Moment, ParticipantId, RoomName};

/// How many requests of one kind were refused, to one network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RefusedCount {
    /// The refusal's stable machine word.
    pub code: String,
    /// Where they came from, in CIDR notation: a /24 of IPv4, a /48 of IPv6, so that nobody's own address is kept for good.
    pub network: String,
    /// How many.
    pub count: u64,
}

/// `cmd.audit.refused`: what an edge refused in about a minute. The answer has no body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NoteRefused {
    /// RFC 3339.
    pub from: String,
    /// RFC 3339.
    pub to: String,
    /// The commonest kinds; at most 64.
    pub refused: Vec<RefusedCount>,
    /// How many more there were, of kinds that are not listed.
    pub more: u64,
}

/// Data of `requests.refused`: requests that somebody made in vain, counted, so that a flood of them is one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RequestsRefused {
    /// Anonymous: nobody of them was let in.
    pub actor: Actor,
    /// RFC 3339.
    pub from: String,
    /// RFC 3339.
    pub to: String,
    /// The commonest kinds.
    pub refused: Vec<RefusedCount>,
    /// How many more there were, of kinds that are not listed.
    pub more: u64,
}

/// Data of `person.erased`: what somebody was called is known here no more; the hashes in older events stay valid. One of
/// `participant`, `user` and `stay` is set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PersonErased {
    /// Who asked.
    pub actor: Actor,
    /// Whom a session let in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub participant: Option<ParticipantId>,
    /// A user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("minimum" = i64::MIN, "maximum" = i64::MAX))]
    pub user: Option<i64>,
    /// Somebody in a room, by LiveKit's id of the stay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stay: Option<String>,
    /// Values that were erased.
    pub values: u32,
    /// Why, as it was said. It stands here for good, so it must name nobody.
    pub reason: String,
}

/// Data of `person.expired`: values about people were erased because they had become old.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PersonExpired {
    /// The sweep.
    pub actor: Actor,
    /// Values that were erased.
    pub count: u32,
    /// All of them had been recorded before: RFC 3339.
    pub before: String,
}

/// Data of `ledger.gap`, which is the first event of a ledger that takes the place of one that lost events for good. The
/// other is kept as it was, and never continued.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LedgerGap {
    /// Who decided it.
    pub actor: Actor,
    /// The other ledger's id.
    pub previous_ledger_id: String,
    /// Events that are left of it.
    pub previous_size: u64,
    /// Its origin, as its checkpoints name it.
    pub previous_origin: String,
    /// Its last checkpoint that is known (C2SP tlog-checkpoint), if there is one: it may name more events than are left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_checkpoint: Option<String>,
    /// Why, as it was said.
    pub reason: String,
}

/// Data of `ledger.archived`: the ledger's beginning is in files from now on, and the ledger itself has only its hashes. Written
/// together with that, so that a beginning which is not there, and of which nothing says so, was removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LedgerArchived {
    /// Who did it.
    pub actor: Actor,
    /// The file's first event.
    pub first: u64,
    /// The file's last event, and the last that the ledger has no more.
    pub last: u64,
    /// The root of the ledger's first `last` events, in base64.
    pub root: String,
    /// The file's name.
    pub file: String,
    /// The file's SHA-256, in hexadecimal.
    pub sha256: String,
}

/// `cmd.session.erase`: forgets what somebody was called, and takes back what of theirs still lets anybody in. The answer
/// is [`Erased`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ErasePerson {
    /// Whom.
    pub whom: Whom,
    /// Why: 1 to 256 bytes. It stands in the ledger for good, so it must name nobody.
    pub reason: String,
}

/// Who is to be forgotten.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Whom {
    /// Whom a session lets in.
    Participant(ParticipantId),
    /// A user, and whom the sessions that this user registered let in.
    User(#[schemars(extend("minimum" = i64::MIN, "maximum" = i64::MAX))] i64),
}

/// The answer to [`ErasePerson`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Erased {
    /// Sessions that were taken back.
    pub revoked: u32,
    /// Values that were erased.
    pub values: u32,
    /// Whether there is more of theirs: ask again.
    pub more: bool,
}

/// `qry.audit.checkpoint`: the checkpoint that was signed last. The answer is its text (C2SP tlog-checkpoint); 404 before
/// there is one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GetCheckpoint {}

/// `qry.audit.key`: what checkpoints are signed with. The answer is [`AuditKey`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GetAuditKey {}

/// The answer to [`GetAuditKey`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AuditKey {
    /// The ledger's name: the first line of every checkpoint, and the name of every key.
    pub origin: String,
    /// The public key that signs now (C2SP signed-note: `name+id+key`).
    pub vkey: String,
    /// Those that signed before it, newest first.
    pub before: Vec<String>,
}

/// `qry.audit.tile`: a tile of hashes. The answer is its bytes (C2SP tlog-tiles); 404 where the last checkpoint has none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GetTile {
    /// As C2SP tlog-tiles names it, after `tile/`: `0/x001/234.p/56`. Not `entries/…`: those are made from
    /// [`ListEvents`].
    pub path: String,
}

/// `qry.audit.proof`: that an event stands in the ledger, under the checkpoint that was signed last. The answer is
/// [`EventProof`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GetProof {
    /// Its place in the ledger; the first is 1.
    pub seq: u64,
}

/// The answer to [`GetProof`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EventProof {
    /// The event's place in the ledger; the first is 1.
    pub seq: u64,
    /// The event, byte for byte; unset when the ledger has forgotten it, and only its hash is left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// The proof (C2SP tlog-proof), with the checkpoint in it.
    pub proof: String,
}

/// `qry.audit.events`: events in order, from the ledger. The answer is [`EventsPage`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ListEvents {
    /// Those after this place; 0 for the first.
    pub after: u64,
    /// None after this place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub through: Option<u64>,
    /// None that happened before this moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Moment>,
    /// Only what happened before this moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Moment>,
    /// Which.
    #[serde(default)]
    pub only: EventFilter,
}

/// Which events somebody wants; what is not set is not asked about.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EventFilter {
    /// Any of these types (`session.consumed`), or all that begin so (`session.*`); none is every type.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub types: Vec<String>,
    /// About this participant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub participant: Option<ParticipantId>,
    /// In this room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room: Option<RoomName>,
    /// About this broadcast, or in its room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broadcast: Option<uuid::Uuid>,
    /// About this user, or registered by this user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("minimum" = i64::MIN, "maximum" = i64::MAX))]
    pub user: Option<i64>,
}

/// The answer to [`ListEvents`]: as much as fits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EventsPage {
    /// The last place that was looked at; go on after it.
    pub through: u64,
    /// Where the ledger ended.
    pub end: u64,
    /// The first place that the ledger still has.
    pub first: u64,
    /// Where an end that was asked for as a moment was found: the last place before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<u64>,
    /// Events, byte for byte.
    pub events: Vec<String>,
}
