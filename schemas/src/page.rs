//! Lists, a page at a time.

use data_encoding::BASE64URL_NOPAD;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Code, Refusal};

/// How many a page holds unless asked otherwise.
pub const PAGE_DEFAULT: u32 = 50;
/// How many a page holds at most.
pub const PAGE_MAX: u32 = 100;

/// A page of a list, over the bus; over HTTP the items are the body and the cursor is in a `Link` header.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Page<T> {
    /// What the page holds.
    pub items: Vec<T>,
    /// How to ask for what follows, when something may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// How many are asked for.
///
/// # Errors
/// A number that no page can hold.
pub fn page_limit(asked: Option<u32>) -> Result<u32, Refusal> {
    match asked {
        None => Ok(PAGE_DEFAULT),
        Some(limit) if (1..=PAGE_MAX).contains(&limit) => Ok(limit),
        Some(_) => Err(Refusal::new(Code::Malformed, format!("limit must be a whole number from 1 to {PAGE_MAX}"))),
    }
}

/// A place in a list as callers carry it around: base64url, and nothing to be read into.
#[must_use]
pub fn cursor_of(place: &str) -> String {
    BASE64URL_NOPAD.encode(place.as_bytes())
}

/// The place that a cursor stands for.
///
/// # Errors
/// It is not one of ours.
pub fn place_of(cursor: &str) -> Result<String, Refusal> {
    let bytes = BASE64URL_NOPAD.decode(cursor.as_bytes()).ok();
    bytes.and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(bad_cursor)
}

/// That a cursor is not one of ours.
#[must_use]
pub fn bad_cursor() -> Refusal {
    Refusal::new(Code::Malformed, "cursor must be one that a page before gave")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_round_trip_and_nothing_else_is_one() {
        assert_eq!(place_of(&cursor_of("1.p_é")).unwrap(), "1.p_é");
        for bad in ["=", "a", "!!", "_w"] {
            assert!(place_of(bad).is_err(), "{bad}");
        }
        assert!(page_limit(Some(0)).is_err() && page_limit(Some(101)).is_err());
    }
}
