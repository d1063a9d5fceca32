//! The ledger as a whole: where it stands, and how much happened when.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Moment;

/// `qry.audit.ledger`: where the ledger stands. The answer is [`LedgerState`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GetLedger {}

/// The answer to [`GetLedger`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LedgerState {
    /// The ledger's name: the first line of every checkpoint.
    pub origin: String,
    /// Its number of events: the last `ledgerseq`.
    pub size: u64,
    /// The root of the tree of all of them (RFC 6962): base64.
    pub root: String,
    /// The index goes up to here, and so do the counts.
    pub indexed: u64,
    /// What was signed last; unset before anything was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed: Option<SignedState>,
}

/// What a checkpoint says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SignedState {
    /// The number of events.
    pub size: u64,
    /// The root of their tree: base64.
    pub root: String,
    /// When it was signed.
    pub at: Moment,
}

/// `qry.audit.counts`: how much happened in each hour, in order of time and type. The answer is a [`crate::Page`] of
/// [`EventCount`]. An hour's count of a type may come in several parts, one after the other: they are to be added up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CountEvents {
    /// From the hour on in which this is.
    pub from: Moment,
    /// Hours that begin before this.
    pub to: Moment,
    /// Where the page before ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// How many events of a type an hour had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EventCount {
    /// When the hour began: on the hour, UTC.
    pub hour: Moment,
    /// The events' type.
    #[serde(rename = "type")]
    pub kind: String,
    /// How many.
    pub count: u64,
}
