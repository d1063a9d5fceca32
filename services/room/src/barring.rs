//! For how long somebody who was put out of a room has to be put out again.
//!
//! LiveKit has no revocation: a token stays good until its `exp`, and a minute longer for clocks (protocol
//! `auth/verifier.go`). A connected client, moreover, holds a fresh token of ten minutes at any time (livekit-server,
//! `roommanager.go`). So people are put out as often as they come, until no token of theirs can be good any more.

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

/// LiveKit's tolerance for clocks.
pub(crate) const LEEWAY_MS: i64 = 60_000;
/// How long the token lives that LiveKit hands to a connected client.
pub(crate) const REFRESHED_MS: i64 = 10 * 60_000;

/// When the last token of somebody is over who was last seen at a moment, and whose own last token ends at another. All
/// are Unix milliseconds.
pub(crate) fn until(seen_at: i64, last_token: Option<i64>) -> i64 {
    last_token.unwrap_or_default().max(seen_at.saturating_add(REFRESHED_MS)).saturating_add(LEEWAY_MS)
}

/// The key of somebody in a room; of everybody in it, with an empty identity. Neither name has a line feed in it.
pub(crate) fn key(room: &str, identity: &str) -> String {
    format!("{room}\n{identity}")
}

/// The same of somebody who was erased: whoever comes can be compared with it, and it says no name.
pub(crate) fn veiled(room: &str, identity: &str) -> String {
    let hash = Sha256::new().chain_update(b"avanzacast barred\0").chain_update(key(room, identity)).finalize();
    format!("{room}\n#{}", HEXLOWER.encode(&hash))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_later_of_both_counts() {
        assert_eq!(until(1_000_000, None), 1_000_000 + 660_000);
        assert_eq!(until(1_000_000, Some(500_000)), 1_000_000 + 660_000);
        assert_eq!(until(1_000_000, Some(2_000_000)), 2_060_000);
    }
}
