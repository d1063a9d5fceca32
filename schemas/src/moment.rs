//! Moments as the contract writes them.

use std::{borrow::Cow, fmt, str::FromStr};

use jiff::Timestamp;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize, Serializer};

use crate::Invalid;

/// A moment: Unix milliseconds. It is written as RFC 3339 with milliseconds, in UTC, and read with any offset.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct Moment(pub i64);

impl Moment {
    /// So many milliseconds later.
    #[must_use]
    pub fn plus(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }
}

impl fmt::Display for Moment {
    /// One out of range (years before -9999 or after 9999) reads as the last one within.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let beyond = if self.0 < 0 { Timestamp::MIN } else { Timestamp::MAX };
        write!(f, "{:.3}", Timestamp::from_millisecond(self.0).unwrap_or(beyond))
    }
}

impl FromStr for Moment {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let moment = text.parse().map(Timestamp::as_millisecond).map(Self);
        moment.map_err(|_| Invalid("a moment must have its offset: 2026-02-02T02:40:00Z"))
    }
}

impl TryFrom<String> for Moment {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        text.parse()
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for Moment {
    fn schema_name() -> Cow<'static, str> {
        "Moment".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "date-time" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_round_trip_with_milliseconds() {
        let moment = Moment(1_770_000_000_007);
        assert_eq!(moment.to_string(), "2026-02-02T02:40:00.007Z");
        for text in ["2026-02-02T02:40:00.007Z", "2026-02-02T03:40:00.007+01:00", "2026-02-02t02:40:00.0079z"] {
            assert_eq!(text.parse(), Ok(moment), "{text}");
        }
        for none in ["", "yesterday", "2026-02-02", "2026-02-02T02:40:00", "2026-02-30T02:40:00Z", "1770000000007"] {
            assert!(none.parse::<Moment>().is_err(), "{none}");
        }
        assert_eq!(Moment(i64::MAX).to_string(), "9999-12-30T22:00:00.999Z");
    }
}
