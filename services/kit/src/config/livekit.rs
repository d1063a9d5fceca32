//! The LiveKit server that tokens are for.

use super::{Mode, Variables};
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
}

impl LiveKitConfig {
    /// Reads `LIVEKIT_API_KEY`, `LIVEKIT_API_SECRET` and `LIVEKIT_WS_URL` or `LIVEKIT_URL`.
    pub fn read(variables: &mut Variables, mode: Mode) -> Self {
        let key = variables.text("LIVEKIT_API_KEY");
        let secret = variables.secret("LIVEKIT_API_SECRET");
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
        Self { key, secret, ws_url, http_url }
    }
}

fn urls(variables: &mut Variables, mode: Mode) -> (String, String) {
    let url = variables.text("LIVEKIT_WS_URL").or_else(|| variables.text("LIVEKIT_URL"));
    if url.is_none() && mode == Mode::Production {
        variables.problem("LIVEKIT_WS_URL (or LIVEKIT_URL) is required: where participants connect to");
    }
    let url = url.unwrap_or_else(|| DEV_URL.to_owned());
    let url = url.trim_end_matches('/');
    match url.split_once("://") {
        Some(("ws" | "http", rest)) => (format!("ws://{rest}"), format!("http://{rest}")),
        Some(("wss" | "https", rest)) => (format!("wss://{rest}"), format!("https://{rest}")),
        _ => {
            variables.problem("LIVEKIT_WS_URL must begin with ws://, wss://, http:// or https://");
            (String::new(), String::new())
        }
    }
}
