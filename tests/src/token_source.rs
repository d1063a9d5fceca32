//! A token endpoint, asked as LiveKit's JavaScript client asks it.

use serde_json::{Value, json};

use crate::client_programs::{ask, json_or_refusal, node, node_available};

/// Whether Node and npm are here, for [`crate::require!`].
///
/// # Errors
/// What is missing.
pub fn token_source_available() -> Result<(), String> {
    node_available()
}

/// `TokenSource.endpoint(url, {headers}).fetch(options)` of npm `livekit-client`: what it would hand to a room,
/// `{serverUrl, participantToken}`. `options` are the client's: `roomName`, `participantName` and so on.
///
/// # Errors
/// What it throws, on one line.
pub fn token_source_fetch(url: &str, headers: &[(&str, &str)], options: &Value) -> Result<Value, String> {
    let headers: serde_json::Map<String, Value> =
        headers.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    let request = json!({ "url": url, "headers": headers, "options": options });
    json_or_refusal(&ask(&mut node("token-source", "fetch.mjs"), &request))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{token_source_available, token_source_fetch};
    use crate::{FakeLiveKit, LiveKitKey, Mood};

    #[test]
    fn what_the_endpoint_says_is_handed_on_and_what_it_refuses_is_said() {
        crate::require!(token_source_available());
        let token = LiveKitKey::random().token("p_1", "show");
        let answer = json!({"server_url": "ws://livekit.test", "participant_token": token});
        let endpoint = FakeLiveKit::start(Mood::Status(201, answer.to_string()));
        let url = format!("http://{}/api/livekit/token", endpoint.addr());
        let fetch = || token_source_fetch(&url, &[("X-Backend-Secret", "hush")], &json!({"roomName": "show"}));
        assert_eq!(fetch(), Ok(json!({"serverUrl": "ws://livekit.test", "participantToken": token})));
        let asked = endpoint.take_asked().remove(0);
        assert_eq!((asked.method.as_str(), asked.path.as_str()), ("POST", "/api/livekit/token"));
        assert!(asked.head.contains("hush"), "{asked:?}");

        endpoint.set(Mood::Status(401, "who are you?".to_owned()));
        let refusal = fetch().unwrap_err();
        assert!(refusal.contains("401") && refusal.contains("who are you?"), "{refusal}");
    }
}
