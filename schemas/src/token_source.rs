//! The endpoint that LiveKit's clients fetch tokens from (protocol `livekit_token_source.proto`). Its members are
//! snake_case, as LiveKit has them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Code, Refusal, RoomName, Username};

/// The body of `POST /api/livekit/token`. Every member may be absent; some that LiveKit knows are not the caller's to
/// choose here, and refused when they are set.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TokenSourceRequest {
    /// The room; unset: one of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room_name: Option<RoomName>,
    /// What the participant is called; unset: `guest`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub participant_name: Option<Username>,
    /// Not the caller's to choose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub participant_identity: Option<String>,
    /// Not the caller's to choose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub participant_metadata: Option<String>,
    /// Not the caller's to choose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub participant_attributes: Option<Value>,
    /// Not the caller's to choose; some clients always send one that says nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room_config: Option<Value>,
}

impl TokenSourceRequest {
    /// Whether it asks only for what a caller may choose.
    ///
    /// # Errors
    /// Which member it may not.
    pub fn check(&self) -> Result<(), Refusal> {
        let says = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
        let refused = [
            ("participant_identity", says(&self.participant_identity)),
            ("participant_metadata", says(&self.participant_metadata)),
            ("participant_attributes", self.participant_attributes.as_ref().is_some_and(says_something)),
            ("room_config", self.room_config.as_ref().is_some_and(says_something)),
        ];
        match refused.iter().find(|(_, set)| *set) {
            None => Ok(()),
            Some((name, _)) => Err(Refusal::new(Code::Malformed, format!("{name} is chosen by the server"))),
        }
    }
}

/// Whether there is anything in it but empty members.
fn says_something(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Object(members) => members.values().any(says_something),
        Value::Array(items) => items.iter().any(says_something),
        Value::String(text) => !text.is_empty(),
        Value::Bool(_) | Value::Number(_) => true,
    }
}

/// The answer to [`TokenSourceRequest`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TokenSourceAnswer {
    /// LiveKit's address.
    pub server_url: String,
    /// LiveKit's access token.
    pub participant_token: String,
}

/// The query of `GET /api/connection-details`, as LiveKit Meet asks. (It also sends `region`, of which we have one,
/// and `metadata`, which is not the caller's to choose.)
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConnectionDetailsQuery {
    /// The room.
    pub room_name: RoomName,
    /// What the participant is called.
    pub participant_name: Username,
}

/// The answer of `GET /api/connection-details`, as LiveKit Meet reads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConnectionDetails {
    /// LiveKit's address.
    pub server_url: String,
    /// The room.
    pub room_name: RoomName,
    /// LiveKit's access token.
    pub participant_token: String,
    /// What the participant is called.
    pub participant_name: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_caller_may_not_choose_is_refused_when_it_says_something() {
        for (body, taken) in [
            ("{}", true),
            (r#"{"room_name":"r","participant_name":"Al"}"#, true),
            (r#"{"room_config":{"agents":[]},"participant_attributes":{},"participant_metadata":""}"#, true),
            (r#"{"participant_identity":"al-1"}"#, false),
            (r#"{"participant_metadata":"{}"}"#, false),
            (r#"{"participant_attributes":{"role":"host"}}"#, false),
            (r#"{"room_config":{"agents":[{"agent_name":"a"}]}}"#, false),
            (r#"{"room_config":{"max_participants":3}}"#, false),
        ] {
            let request: TokenSourceRequest = serde_json::from_str(body).unwrap();
            assert_eq!(request.check().is_ok(), taken, "{body}");
        }
    }
}
