//! Broadcasts: the commands that make one and lead it through its life, what is answered, and the events.
//!
//! A broadcast is created, goes live once, and ends once. A title and a description stand in no event: it carries
//! SHA-256(salt ‖ value), with salt and value in a table of their own, so that they can be forgotten.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    Actor, Invalid, RoomName,
    names::{NOT_BLANK, check_name, name},
};

/// The longest description, in bytes: a page of text.
const DESCRIPTION_MAX_BYTES: usize = 4_000;

name! {
    /// A broadcast's title: limits as for a username.
    Title, {
        "type": "string", "minLength": 1, "maxLength": 256, "pattern": NOT_BLANK
    }, |value| check_name(value, "title must not be empty or blank", "title must be at most 256 bytes",
        "title must not contain control characters")
}

name! {
    /// What a broadcast is about: at most 4,000 bytes, no control characters but newline and tab; may be empty.
    Description, {
        "type": "string", "maxLength": 4000, "pattern": "^[^\\u0000-\\u0008\\u000B-\\u001F\\u007F-\\u009F]*$"
    }, |value| {
        if value.len() > DESCRIPTION_MAX_BYTES {
            Err(Invalid("description must be at most 4000 bytes"))
        } else if value.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
            Err(Invalid("description must not contain control characters but newline and tab"))
        } else {
            Ok(())
        }
    }
}

/// Where a broadcast is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum BroadcastStatus {
    /// Nobody has started it.
    Created,
    /// It is on.
    Live,
    /// It is over, for good.
    Ended,
}

impl BroadcastStatus {
    /// The word on the wire and in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Live => "live",
            Self::Ended => "ended",
        }
    }
}

/// `cmd.broadcast.create`: the body of `POST /api/broadcasts`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreateBroadcast {
    /// What it is called.
    pub title: Title,
    /// What it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Description>,
    /// The user whose it is; there must be one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("minimum" = i64::MIN, "maximum" = i64::MAX))]
    pub owner_id: Option<i64>,
}

/// `cmd.broadcast.start`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StartBroadcast {
    /// The broadcast.
    pub id: Uuid,
}

/// `cmd.broadcast.end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EndBroadcast {
    /// The broadcast.
    pub id: Uuid,
}

/// `qry.broadcast.get`. The answer is a [`Broadcast`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GetBroadcast {
    /// The broadcast.
    pub id: Uuid,
}

/// `qry.broadcast.list`: broadcasts, newest first. The answer is a [`crate::Page`] of [`Broadcast`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ListBroadcasts {
    /// Only those of this user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner_id: Option<i64>,
    /// Only those with this status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<BroadcastStatus>,
    /// How many at most, 1 to [`crate::PAGE_MAX`]; unset: [`crate::PAGE_DEFAULT`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// Where the page before ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// A broadcast, as answered. What was erased reads as empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Broadcast {
    /// UUID v7: a later broadcast has a greater one.
    pub id: Uuid,
    /// What it is called.
    pub title: String,
    /// What it is about; empty when nothing was said.
    pub description: String,
    /// Whose it is, if anybody's.
    pub owner_id: Option<i64>,
    /// Where it is in its life.
    pub status: BroadcastStatus,
    /// RFC 3339, milliseconds, UTC.
    pub created_at: String,
}

/// Data of `broadcast.created`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BroadcastCreated {
    /// Who asked.
    pub actor: Actor,
    /// The broadcast's id.
    pub broadcast: Uuid,
    /// Its room in LiveKit, which only its own sessions enter.
    pub room: RoomName,
    /// Lower-case hex of SHA-256(salt ‖ title).
    pub title_hash: String,
    /// Lower-case hex of SHA-256(salt ‖ description), if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description_hash: Option<String>,
    /// Whose it is, if anybody's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner_id: Option<i64>,
}

/// Data of `broadcast.started`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BroadcastStarted {
    /// Who asked.
    pub actor: Actor,
    /// The broadcast's id.
    pub broadcast: Uuid,
    /// Its room in LiveKit, which only its own sessions enter.
    pub room: RoomName,
    /// RFC 3339.
    pub at: String,
}

/// Data of `broadcast.ended`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BroadcastEnded {
    /// Who asked.
    pub actor: Actor,
    /// The broadcast's id.
    pub broadcast: Uuid,
    /// Its room in LiveKit, which only its own sessions enter.
    pub room: RoomName,
    /// RFC 3339.
    pub at: String,
}
