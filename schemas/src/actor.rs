//! Who asked for what happened.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The kind of caller behind a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ActorKind {
    /// A configured API key; `name` says which.
    Key,
    /// The operator's console.
    Console,
    /// Whoever holds a session's link.
    Holder,
    /// Nobody who named themselves.
    Anonymous,
    /// An outsider on the bus; `name` is the verified `iss` of its token.
    Bus,
    /// LiveKit itself.
    Livekit,
    /// The sweep that ends what has run out.
    Sweep,
    /// Somebody at the command line.
    Operator,
}

/// Who asked: in the `Actor` header of a command and in every event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Actor {
    /// The kind of caller.
    pub kind: ActorKind,
    /// Which one, where there are several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

impl Actor {
    /// A caller that needs no name.
    #[must_use]
    pub fn of(kind: ActorKind) -> Self {
        Self { kind, name: None }
    }

    /// Whether the caller showed a credential of its own.
    #[must_use]
    pub fn has_credential(&self) -> bool {
        match self.kind {
            ActorKind::Key | ActorKind::Console | ActorKind::Operator | ActorKind::Bus => true,
            ActorKind::Holder | ActorKind::Anonymous | ActorKind::Livekit | ActorKind::Sweep => false,
        }
    }
}
