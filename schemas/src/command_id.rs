//! The identity of a command: the same id is the same command, however often it is sent or delivered.

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// An id for one request that nobody but its sender will repeat: a UUID v7, so that ids leave the inbox in order.
#[must_use]
pub fn fresh() -> String {
    Uuid::now_v7().to_string()
}

/// An id from a key that the sender chose, or from what the command says: `k` and the SHA-256 of the parts.
#[must_use]
pub fn keyed(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        // Lengths keep ("a", "bc") apart from ("ab", "c").
        hash.update(u64::try_from(part.len()).unwrap_or_default().to_be_bytes());
        hash.update(part);
    }
    format!("k{}", HEXLOWER.encode(&hash.finalize()))
}

/// Whether it comes from a key, which is remembered for longer.
#[must_use]
pub fn is_keyed(id: &str) -> bool {
    id.starts_with('k')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_kept_apart() {
        assert_ne!(keyed(&["a", "bc"]), keyed(&["ab", "c"]));
        assert!(is_keyed(&keyed(&["a"])) && !is_keyed(&fresh()));
    }
}
