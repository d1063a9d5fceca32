//! `Idempotency-Key`: the caller's own name for a command, so that it may be sent again.

use avanzacast_schemas::command_id;
use axum::http::HeaderMap;

use crate::{ask::single, problem::Problem};

/// Whoever knows a key gets the same answer, so without a credential it must be hard to guess.
const KEY_BYTES: std::ops::RangeInclusive<usize> = 16..=255;

/// The command's id: of the caller's key, in the caller's own name space, or a fresh one.
pub(crate) fn command_id(headers: &HeaderMap, caller: &str) -> Result<String, Problem> {
    match single(headers, "idempotency-key")? {
        None => Ok(command_id::fresh()),
        Some(key) if KEY_BYTES.contains(&key.len()) => Ok(command_id::keyed(&[caller, key])),
        Some(_) => Err(Problem::malformed("Idempotency-Key must be 16 to 255 characters")),
    }
}
