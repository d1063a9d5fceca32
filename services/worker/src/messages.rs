//! Reading messages and writing answers: JSON, the same for every service.

use avanzacast_kit::bus::{Delivery, Reply};
use avanzacast_schemas::{Actor, Code, Refusal};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;

use crate::service::Answer;

/// A message's body.
///
/// # Errors
/// What cannot be read.
pub fn body<T: DeserializeOwned>(delivery: &Delivery) -> Result<T, Refusal> {
    serde_json::from_slice(&delivery.payload).map_err(|error| Refusal::new(Code::Malformed, error.to_string()))
}

/// The id and the actor that a command of our own services carries.
///
/// # Errors
/// One is missing.
pub fn headers(delivery: &Delivery) -> Result<(String, Actor), Refusal> {
    let missing = |name: &str| Refusal::new(Code::Malformed, format!("{name} is missing"));
    let id = delivery.command_id.clone().ok_or_else(|| missing("Command-Id"))?;
    let actor = delivery.actor.clone().ok_or_else(|| missing("Actor"))?;
    Ok((id, actor))
}

/// A reply of JSON.
///
/// # Errors
/// What has no JSON.
pub fn reply(status: u16, body: &impl Serialize) -> Result<Reply, Refusal> {
    serde_json::to_vec(body).map(|body| Reply::done(status, body)).map_err(|_| Code::Internal.into())
}

/// The same as an answer of which the cache hears nothing.
///
/// # Errors
/// What has no JSON.
pub fn uncached(status: u16, body: &impl Serialize) -> Result<Answer, Refusal> {
    Ok(Answer { reply: reply(status, body)?, cache: None })
}

/// What the inbox kept.
///
/// # Errors
/// It is not what this program keeps.
pub fn recorded<T: DeserializeOwned>(record: &RawValue) -> Result<T, Refusal> {
    serde_json::from_str(record.get()).map_err(|error| {
        tracing::error!(%error, "a record of the inbox cannot be read");
        Code::Internal.into()
    })
}
