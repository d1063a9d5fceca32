//! A tree's root, as people pass it on.

use std::{fmt, str::FromStr};

use avanzacast_worker::ledger::Hash;
use data_encoding::BASE64;

/// The root of a tree (RFC 6962); as text standard base64 with padding, as in a checkpoint of C2SP
/// (<https://c2sp.org/tlog-checkpoint>).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Root(pub Hash);

impl fmt::Display for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64.encode(&self.0))
    }
}

/// The text is no root.
#[derive(Debug, thiserror::Error)]
#[error("a root is 32 bytes in base64")]
pub struct NoRoot;

impl FromStr for Root {
    type Err = NoRoot;

    fn from_str(text: &str) -> Result<Self, NoRoot> {
        let bytes = BASE64.decode(text.as_bytes()).map_err(|_| NoRoot)?;
        bytes.try_into().map(Self).map_err(|_| NoRoot)
    }
}
