//! What is known about a person: values that can be forgotten, and their hashes, which stay.

use avanzacast_worker::Moment;
use data_encoding::HEXLOWER;
use rand::RngExt;
use sha2::{Digest, Sha256};
use uuid::{Builder, Uuid};

use crate::state::Personal;

/// A random id.
pub(crate) fn uuid_v4(moment: &mut Moment<'_>) -> Uuid {
    Builder::from_random_bytes(moment.random.random()).into_uuid()
}

/// A value with a salt of its own, so that equal values do not look equal.
pub(crate) fn salted(value: &str, moment: &mut Moment<'_>) -> Personal {
    let salt: [u8; 16] = moment.random.random();
    Personal { salt: HEXLOWER.encode(&salt), value: value.to_owned() }
}

/// Lower-case hex of SHA-256(salt ‖ value); the salt as its bytes. Of an erased value, nothing.
pub(crate) fn hash_of(personal: Option<&Personal>) -> String {
    let Some(personal) = personal else { return String::new() };
    let salt = HEXLOWER.decode(personal.salt.as_bytes()).unwrap_or_default();
    HEXLOWER.encode(&Sha256::new().chain_update(salt).chain_update(&personal.value).finalize())
}

/// The value; of an erased one, nothing.
pub(crate) fn value_of(personal: Option<&Personal>) -> String {
    personal.map(|personal| personal.value.clone()).unwrap_or_default()
}
