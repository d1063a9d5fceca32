//! LiveKit's own server SDKs as judges of our tokens: what they accept, a LiveKit deployment accepts.

use serde_json::{Value, json};

use crate::client_programs::{ask, json_or_refusal, node, node_available, python, python_available, source};

/// Whether Node and npm are here, for [`crate::require!`].
///
/// # Errors
/// What is missing.
pub fn livekit_node_available() -> Result<(), String> {
    node_available()
}

/// Whether Python and pip are here, for [`crate::require!`].
///
/// # Errors
/// What is missing.
pub fn livekit_python_available() -> Result<(), String> {
    python_available()
}

/// The claims as the Node SDK's `TokenVerifier` reads them (the payload as it is in the token).
///
/// # Errors
/// Why it refuses the token.
pub fn livekit_node_verify(token: &str, key: &str, secret: &str) -> Result<Value, String> {
    let request = json!({ "token": token, "key": key, "secret": secret });
    json_or_refusal(&ask(&mut node("node", "verify.mjs"), &request))
}

/// The claims as the Python SDK's `TokenVerifier` reads them (its `Claims` class: `video.room_join` and so on).
///
/// # Errors
/// Why it refuses the token.
pub fn livekit_python_verify(token: &str, key: &str, secret: &str) -> Result<Value, String> {
    let request = json!({ "token": token, "key": key, "secret": secret });
    json_or_refusal(&ask(python("python").arg(source("python").join("verify.py")), &request))
}

#[cfg(test)]
mod tests {
    use super::{livekit_node_available, livekit_node_verify, livekit_python_available, livekit_python_verify};

    const KEY: &str = "devkey";
    const SECRET: &str = "a-secret-of-at-least-thirty-two-bytes";
    /// HS256 with [`SECRET`], `iss` [`KEY`], `sub` p_1, `name` Ana, `exp` in 2100, `video.room` show, `roomJoin`.
    const TOKEN: &str = concat!(
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.",
        "eyJpc3MiOiJkZXZrZXkiLCJzdWIiOiJwXzEiLCJuYW1lIjoiQW5hIiwibmJmIjowLCJleHAiOjQxMDI0NDQ4MDAsInZpZGVvIjp7InJvb20iOiJzaG93Iiwicm9vbUpvaW4iOnRydWV9fQ.",
        "b3o0L2e6kH0e_0ylBXb9XK0CubvthMcI2LvUL_xzK8A"
    );

    #[test]
    fn node_reads_the_claims_and_refuses_another_secret() {
        crate::require!(livekit_node_available());
        let claims = livekit_node_verify(TOKEN, KEY, SECRET).unwrap();
        assert_eq!(claims.pointer("/video/room").unwrap(), "show");
        assert_eq!(claims["sub"], "p_1");
        let refusal = livekit_node_verify(TOKEN, KEY, "another-secret-of-thirty-two-bytes!!").unwrap_err();
        assert!(refusal.contains("signature"), "{refusal}");
    }

    #[test]
    fn python_reads_the_claims_and_refuses_another_key() {
        crate::require!(livekit_python_available());
        let claims = livekit_python_verify(TOKEN, KEY, SECRET).unwrap();
        assert_eq!(claims.pointer("/video/room_join").unwrap(), true);
        assert_eq!(claims["identity"], "p_1");
        let refusal = livekit_python_verify(TOKEN, "other", SECRET).unwrap_err();
        assert!(refusal.contains("InvalidIssuer"), "{refusal}");
    }
}
