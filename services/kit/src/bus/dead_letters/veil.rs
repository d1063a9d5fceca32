//! What is not shown of a message unless asked for: tokens, and session ids, which open doors too.

use avanzacast_schemas::SessionId;
use data_encoding::HEXLOWER;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// A field or header whose name contains one of these, in whatever spelling, holds a secret.
const SECRETS: [&str; 5] = ["token", "authorization", "secret", "password", "resume"];
/// Every JSON object in base64url begins so, a token's header among them.
const JWT_START: &str = "eyJ";

/// Enough to compare with: events name a token by the same hash.
#[must_use]
pub fn fingerprint(bytes: &[u8]) -> String {
    format!("sha256:{}", HEXLOWER.encode(&Sha256::digest(bytes)))
}

/// However it is spelled.
fn plainly(name: &str) -> String {
    name.to_ascii_lowercase().replace(['-', '_'], "")
}

fn is_secret(name: &str) -> bool {
    let name = plainly(name);
    SECRETS.iter().any(|secret| name.contains(secret))
}

/// A header's value, or a field's.
#[must_use]
pub fn text(name: &str, value: &str) -> String {
    if is_secret(name) {
        return fingerprint(value.as_bytes());
    }
    if plainly(name) == "sessionid" {
        let session = SessionId::try_from(value.to_owned());
        return session.map_or_else(|_| fingerprint(value.as_bytes()), |id| id.participant().as_str().to_owned());
    }
    prose(value)
}

/// Any text, without the words in it that look like a token.
#[must_use]
pub fn prose(value: &str) -> String {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "-_.=+/".contains(c);
    let (mut shown, mut rest) = (String::with_capacity(value.len()), value);
    while let Some((before, found)) = rest.find(JWT_START).and_then(|at| rest.split_at_checked(at)) {
        let end = found.find(|c| !is_part(c)).unwrap_or(found.len());
        let (token, after) = found.split_at_checked(end).unwrap_or((found, ""));
        shown.push_str(before);
        shown.push_str(&fingerprint(token.as_bytes()));
        rest = after;
    }
    shown + rest
}

/// A body, field by field; all of what lies in a secret one is secret.
#[must_use]
pub fn json(name: &str, value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let within = |field: &str| if is_secret(name) { name.to_owned() } else { field.to_owned() };
            let one = |(field, value): (String, Value)| (prose(&field), json(&within(&field), value));
            Value::Object(fields.into_iter().map(one).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(|item| json(name, item)).collect()),
        Value::String(value) => Value::String(text(name, &value)),
        Value::Number(value) if is_secret(name) => Value::String(fingerprint(value.to_string().as_bytes())),
        Value::Null | Value::Bool(_) | Value::Number(_) => value,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const HELLO: &str = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

    #[test]
    fn secrets_are_veiled_wherever_they_stand() {
        let body = json!({"token": "hello", "room": "r", "deep": [{"participant_token": "hello"}],
            "Authorization": ["hello"], "ttl": 5, "sessionId": "abcd", "secret": {"value": "hello", "n": 7}, "url": "ws://h?x=eyJa.b&y"});
        let shown = json("", body);
        assert_eq!(shown["token"], HELLO);
        assert_eq!(shown["deep"][0]["participant_token"], HELLO);
        assert_eq!(shown["Authorization"][0], HELLO);
        assert_eq!(shown["secret"]["value"], HELLO);
        assert!(shown["secret"]["n"].is_string());
        assert_eq!((&shown["room"], &shown["ttl"]), (&json!("r"), &json!(5)));
        assert!(shown["sessionId"].as_str().is_some_and(|id| id.starts_with("p_")));
        let url = shown["url"].as_str().unwrap();
        assert!(url.starts_with("ws://h?x=sha256:") && url.ends_with("&y") && !url.contains("eyJ"), "{url}");
    }

    #[test]
    fn a_token_is_veiled_in_a_header_and_in_a_reason() {
        assert_eq!(text("X-Access-Token", "hello"), HELLO);
        assert_eq!(text("X-Sender", "token-server-3"), "token-server-3");
        let reason = prose("invalid type: string \"eyJhbGciOiJI.e-_30.x\", expected eyJa");
        assert!(!reason.contains("eyJ") && reason.contains("\", expected sha256:"), "{reason}");
    }
}
