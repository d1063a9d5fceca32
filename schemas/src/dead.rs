//! Messages that can never work, for an operator's console.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `qry.dead.list`: the oldest ones. The answer is a list of [`DeadMessage`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ListDead {
    /// How many at most, 1 to [`crate::PAGE_MAX`]; unset: [`crate::PAGE_DEFAULT`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// A message that can never work, without its body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeadMessage {
    /// Its place among them.
    pub seq: u64,
    /// RFC 3339.
    pub buried_at: String,
    /// Where it had been published.
    pub subject: String,
    /// How often it had been delivered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempts: Option<u64>,
    /// Why it can never work; without tokens.
    pub reason: String,
}

/// `cmd.dead.redrive`: delivers one to its subject again. The answer has no body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RedriveDead {
    /// Which.
    pub seq: u64,
}

/// `cmd.dead.drop`: takes one away for good. The answer has no body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DropDead {
    /// Which.
    pub seq: u64,
}
