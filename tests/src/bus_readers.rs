//! Programs of others that read what we say: AsyncAPI's parser, a JSON Schema validator, CloudEvents' SDK, pymerkle.

use serde_json::Value;

use crate::client_programs::{ask, json_or_refusal, node, node_available, python, python_available, source};

/// Whether Node and npm are here, for [`crate::require!`].
///
/// # Errors
/// What is missing.
pub fn asyncapi_available() -> Result<(), String> {
    node_available()
}

/// What AsyncAPI's own parser and a JSON Schema validator find wrong: see `tests/clients/asyncapi/check.mjs`.
///
/// # Errors
/// Why the program fails.
pub fn asyncapi_check(request: &Value) -> Result<Value, String> {
    json_or_refusal(&ask(&mut node("asyncapi", "check.mjs"), request))
}

/// Whether Python and pip are here, for [`crate::require!`].
///
/// # Errors
/// What is missing.
pub fn cloudevents_available() -> Result<(), String> {
    python_available()
}

/// Messages as CloudEvents' own SDK reads them: see `tests/clients/cloudevents/read.py`.
///
/// # Errors
/// Why it cannot.
pub fn cloudevents_read(messages: &Value) -> Result<Value, String> {
    json_or_refusal(&ask(python("cloudevents").arg(source("cloudevents").join("read.py")), messages))
}

/// What pymerkle and cryptography find wrong with a tree, its signature and its proofs: see `tests/clients/pymerkle/check.py`.
///
/// # Errors
/// Why it is refused.
pub fn pymerkle_check(request: &Value) -> Result<Value, String> {
    json_or_refusal(&ask(python("pymerkle").arg(source("pymerkle").join("check.py")), request))
}
