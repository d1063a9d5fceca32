//! What is known about a person: values that can be forgotten, and their hashes, which stay.

use avanzacast_worker::Moment;
use data_encoding::HEXLOWER;
use rand::RngExt;
use sha2::{Digest, Sha256};

/// A value with a salt of its own, so that equal values do not look equal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Personal {
    /// Lower-case hex.
    pub(crate) salt: String,
    /// What it is about.
    pub(crate) value: String,
    /// Lower-case hex of SHA-256(salt ‖ value); the salt as its bytes.
    pub(crate) hash: String,
}

/// A value of a row of `person`, which the ledger knows by its hash only.
pub(crate) struct Person {
    /// Whose.
    pub(crate) subject: String,
    /// Which.
    pub(crate) field: &'static str,
    pub(crate) personal: Personal,
    /// Unix milliseconds.
    pub(crate) recorded_at: i64,
}

pub(crate) fn salted(value: &str, moment: &mut Moment<'_>) -> Personal {
    let salt: [u8; 16] = moment.random.random();
    let hash = HEXLOWER.encode(&Sha256::new().chain_update(salt).chain_update(value).finalize());
    Personal { salt: HEXLOWER.encode(&salt), value: value.to_owned(), hash }
}

/// The person's part of a user.
pub(crate) fn of_user(id: i64) -> String {
    format!("user_{id}")
}

/// What somebody wrote about a broadcast.
pub(crate) fn of_broadcast(id: uuid::Uuid) -> String {
    format!("broadcast_{id}")
}
