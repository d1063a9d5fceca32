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
    // Without this, an array of the fields in their order would do as well.
    if delivery.payload.trim_ascii_start().first() != Some(&b'{') {
        return Err(Refusal::new(Code::Malformed, "the body must be a JSON object"));
    }
    serde_json::from_slice(&delivery.payload).map_err(|error| Refusal::new(Code::Malformed, without_values(&error)))
}

/// What is wrong, without the text that stood there instead: that may be a token, and this goes into logs and DEAD.
fn without_values(error: &serde_json::Error) -> String {
    let said = error.to_string();
    // serde quotes texts that it did not expect with ", and names that it does not know with `.
    let (mark, unknown) = if said.starts_with("unknown ") { ('`', true) } else { ('"', false) };
    let end = |start: usize| {
        let rest = said.get(start..)?;
        Some(start + if unknown { rest.find("`, ")? } else { rest.rfind('"')? })
    };
    let quoted =
        said.find(mark).map(|at| at + 1).and_then(|start| Some((said.get(..start)?, said.get(end(start)?..)?)));
    match quoted {
        Some((before, after)) => format!("{before}…{after}"),
        None => said,
    }
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
    Ok(Answer { reply: reply(status, body)?, cache: Vec::new() })
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

#[cfg(test)]
mod tests {
    use avanzacast_schemas::RegisterToken;

    use super::without_values;

    fn refused(body: &str) -> String {
        without_values(&serde_json::from_str::<RegisterToken>(body).map(drop).unwrap_err())
    }

    #[test]
    fn what_could_not_be_read_is_not_repeated() {
        let bodies = [
            r#""eyJhbGciOi.token""#,
            r#"{"sessionId": "abcd", "token": "t", "ttl": "eyJhbGciOi.token"}"#,
            r#"{"sessionId": "abcd", "token": "t", "singleUse": "eyJhbGciOi.to\"ken\" here"}"#,
            r#"{"sessionId": "eyJhbGciOi.token", "token": "t"}"#,
        ];
        for body in bodies {
            let said = refused(body);
            assert!(!said.contains("eyJ") && !said.contains("here"), "{said}");
            assert!(said.contains("line 1 column"), "{said}");
        }
    }

    #[test]
    fn what_is_wrong_is_still_said() {
        assert_eq!(refused(r#"{"sessionId": "abcd"}"#), "missing field `token` at line 1 column 21");
        assert_eq!(
            refused(r#"{"sessionId": "abcd", "token": 5}"#),
            "invalid type: integer `5`, expected a string at line 1 column 32"
        );
    }
}
