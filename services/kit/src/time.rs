//! Moments as the contract writes them.

use std::time::{SystemTime, UNIX_EPOCH};

use avanzacast_schemas::Moment;
use jiff::Timestamp;

/// Unix milliseconds of this machine's clock.
#[must_use]
pub fn now_ms() -> i64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX)
}

/// RFC 3339 with milliseconds, in UTC. A moment out of range (years before -9999 or after 9999) reads as the last one within.
#[must_use]
pub fn rfc3339(unix_ms: i64) -> String {
    Moment(unix_ms).to_string()
}

/// Unix milliseconds of an RFC 3339 moment.
#[must_use]
pub fn parse_rfc3339(text: &str) -> Option<i64> {
    text.parse().ok().map(|Moment(ms)| ms)
}

/// Unix milliseconds of an HTTP date (RFC 9110: whole seconds, always GMT).
#[must_use]
pub fn parse_http_date(text: &str) -> Option<i64> {
    jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok().map(Timestamp::as_millisecond)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_round_trip_with_milliseconds() {
        assert_eq!(rfc3339(1_770_000_000_007), "2026-02-02T02:40:00.007Z");
        assert_eq!(parse_rfc3339("2026-02-02T02:40:00.007Z"), Some(1_770_000_000_007));
        assert_eq!(parse_rfc3339("yesterday"), None);
        assert_eq!(rfc3339(i64::MAX), "9999-12-30T22:00:00.999Z");
    }

    #[test]
    fn http_dates_are_read() {
        assert_eq!(parse_http_date("Mon, 02 Feb 2026 02:40:00 GMT"), Some(1_770_000_000_000));
        assert_eq!(parse_http_date("now"), None);
    }
}
