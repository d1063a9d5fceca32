//! The LiveKit server that tokens are for.

use super::{Mode, Variables, livekit_url};
use crate::Secret;

/// The key and secret that `livekit-server --dev` accepts (livekit-server, `cmd/server/main.go`).
pub(super) const DEV_KEY: &str = "devkey";
const DEV_SECRET: &str = "secret";
/// Where `livekit-server --dev` listens.
const DEV_URL: &str = "ws://localhost:7880";
/// What LiveKit calls too short (livekit-server, `pkg/config/config.go`).
const SECRET_MIN_BYTES: usize = 32;

/// How to sign for LiveKit, and where it is.
#[derive(Debug, Clone)]
pub struct LiveKitConfig {
    /// The API key: a token's `iss`.
    pub key: String,
    /// The API secret: signs tokens.
    pub secret: Secret,
    /// What a browser connects to: `ws://` or `wss://`.
    pub ws_url: String,
    /// Its HTTP side, for calls of our own.
    pub http_url: String,
    /// `LIVEKIT_KEYS`: more keys whose tokens are taken, for rotation and for minters that are not us.
    pub verify_keys: Vec<(String, Secret)>,
    /// Whether any text is taken for a token: only in development mode, and only while no key is configured.
    pub takes_anything: bool,
}

impl LiveKitConfig {
    /// Reads where LiveKit is, for a role that has none of its keys: for a browser, and its HTTP side.
    pub fn read_addresses(variables: &mut Variables, mode: Mode) -> (String, String) {
        urls(variables, mode)
    }

    /// Reads `LIVEKIT_API_KEY`, `LIVEKIT_API_SECRET`, `LIVEKIT_KEYS`, and `LIVEKIT_WS_URL` or `LIVEKIT_URL`.
    pub fn read(variables: &mut Variables, mode: Mode) -> Self {
        let key = variables.text("LIVEKIT_API_KEY");
        let secret = variables.secret("LIVEKIT_API_SECRET");
        let verify_keys = verify_keys(variables);
        let takes_anything = mode == Mode::Development && key.is_none() && verify_keys.is_empty();
        let (key, secret) = match (key, secret, mode) {
            (Some(key), Some(secret), _) => (key, secret),
            (None, None, Mode::Development) => (DEV_KEY.to_owned(), Secret::new(DEV_SECRET)),
            (Some(key), None, Mode::Development) if key == DEV_KEY => (key, Secret::new(DEV_SECRET)),
            (key, secret, _) => {
                variables.problem("LIVEKIT_API_KEY and LIVEKIT_API_SECRET are required, both");
                (key.unwrap_or_default(), secret.unwrap_or_else(|| Secret::new("")))
            }
        };
        if key != DEV_KEY && !secret.reveal().is_empty() && secret.reveal().len() < SECRET_MIN_BYTES {
            tracing::warn!(min_bytes = SECRET_MIN_BYTES, "LIVEKIT_API_SECRET is short; LiveKit will complain too");
        }
        let (ws_url, http_url) = urls(variables, mode);
        Self { key, secret, ws_url, http_url, verify_keys, takes_anything }
    }
}

impl LiveKitConfig {
    /// Reads the key of a minter that is not us: the first of `LIVEKIT_KEYS`, in development LiveKit's own if unset.
    pub fn read_minter(variables: &mut Variables, mode: Mode) -> (String, Secret) {
        let first = verify_keys(variables).into_iter().next();
        if first.is_none() && mode == Mode::Production {
            variables.problem("LIVEKIT_KEYS is required: `key: secret`, of which the first signs");
        }
        first.unwrap_or_else(|| (DEV_KEY.to_owned(), Secret::new(DEV_SECRET)))
    }
}

/// `key: secret`, one per line or separated by commas, as LiveKit writes its key files.
fn verify_keys(variables: &mut Variables) -> Vec<(String, Secret)> {
    let Some(list) = variables.secret("LIVEKIT_KEYS") else { return Vec::new() };
    let mut keys = Vec::new();
    for entry in list.reveal().split(['\n', ',']).map(str::trim).filter(|entry| !entry.is_empty()) {
        match entry.split_once(':').map(|(key, secret)| (key.trim(), secret.trim())) {
            Some((key, secret)) if !key.is_empty() && !secret.is_empty() => {
                keys.push((key.to_owned(), Secret::new(secret)));
            }
            Some(_) | None => variables.problem("LIVEKIT_KEYS must be `key: secret`, one per line or comma-separated"),
        }
    }
    keys
}

/// Where LiveKit is, for a browser (`ws://` or `wss://`) and for calls of our own (`http://` or `https://`).
fn urls(variables: &mut Variables, mode: Mode) -> (String, String) {
    let url = variables.text("LIVEKIT_WS_URL").or_else(|| variables.text("LIVEKIT_URL"));
    if url.is_none() && mode == Mode::Production {
        variables.problem("LIVEKIT_WS_URL (or LIVEKIT_URL) is required: where participants connect to");
    }
    let url = url.unwrap_or_else(|| DEV_URL.to_owned());
    let url = url.trim_end_matches('/');
    let internal = livekit_url::internal(variables);
    let (ws_url, http_url) = match url.split_once("://") {
        Some(("ws" | "http", rest)) => (format!("ws://{rest}"), format!("http://{rest}")),
        Some(("wss" | "https", rest)) => (format!("wss://{rest}"), format!("https://{rest}")),
        _ => {
            variables.problem("LIVEKIT_WS_URL must begin with ws://, wss://, http:// or https://");
            (String::new(), String::new())
        }
    };
    (ws_url, internal.unwrap_or(http_url))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(keys: &str) -> Option<Vec<(String, Secret)>> {
        let mut variables = Variables::from_map([("LIVEKIT_KEYS".to_owned(), keys.to_owned())].into());
        let keys = verify_keys(&mut variables);
        variables.finish().is_ok().then_some(keys)
    }

    #[test]
    fn keys_come_by_line_or_by_comma() {
        let names = |keys: &str| read(keys).map(|keys| keys.into_iter().map(|(name, _)| name).collect::<Vec<_>>());
        assert_eq!(names("a: x, b:y\n c : z:z \n"), Some(vec!["a".to_owned(), "b".to_owned(), "c".to_owned()]));
        for bad in ["a", "a:", ":x", "a: x, b"] {
            assert_eq!(names(bad), None, "{bad}");
        }
    }
}
