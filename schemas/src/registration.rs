//! What became of a token that an outsider registered.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::SessionId;

/// `qry.registration.get`: asks with what was registered. The answer is a [`Registration`].
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GetRegistration {
    /// The session id that was registered.
    pub session_id: SessionId,
    /// The token that was registered: who does not know it learns nothing.
    pub token: String,
}

impl std::fmt::Debug for GetRegistration {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GetRegistration").field("participant", &self.session_id.participant()).finish_non_exhaustive()
    }
}

/// How a registration stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RegistrationState {
    /// It became a session, whose link works or has let somebody in.
    Active,
    /// It was not taken, or what it became has ended.
    Refused,
    /// It has not been applied yet, never arrived, or was decided so long ago that it is forgotten.
    Unknown,
}

/// The answer to [`GetRegistration`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Registration {
    /// How it stands.
    pub state: RegistrationState,
    /// Why it was refused: a refusal's stable machine word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Where the participant goes, while it is active.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub studio_url: Option<String>,
}
