//! Webhooks as LiveKit sends them, and what became of them.

use async_nats::jetstream::{self, stream::Stream};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::{Answer, Api, LiveKitKey, Stack};

/// Where LiveKit posts.
const PATH: &str = "/api/livekit/webhook";

/// A message of INTAKE.
#[derive(Debug)]
pub struct Stored {
    /// Its subject.
    pub subject: String,
    /// `Nats-Msg-Id`.
    pub id: String,
    /// `traceparent`.
    pub trace: String,
    /// The body.
    pub body: Value,
}

impl LiveKitKey {
    /// The claims that LiveKit signs a webhook's body with (protocol `webhook/notifier.go`).
    #[must_use]
    pub fn webhook_claims(&self, body: &[u8]) -> Value {
        let now = self.claims("", Value::Null)["nbf"].as_i64().expect("a number") + 5;
        let sha256 = BASE64_STANDARD.encode(Sha256::digest(body));
        json!({"iss": self.name(), "nbf": now, "exp": now + 300, "sha256": sha256})
    }

    /// The header that goes with a webhook's body.
    #[must_use]
    pub fn sign_webhook(&self, body: &[u8]) -> String {
        self.sign(&self.webhook_claims(body))
    }
}

impl Api {
    /// Posts a webhook with this header.
    pub async fn webhook(&self, authorization: &str, body: impl Into<Vec<u8>>) -> Answer {
        let headers = [("content-type", "application/webhook+json"), ("authorization", authorization)];
        self.raw("POST", PATH, &headers, body.into()).await
    }

    /// Posts one that this key signed.
    pub async fn signed_webhook(&self, key: &LiveKitKey, body: impl Into<Vec<u8>>) -> Answer {
        let body = body.into();
        self.webhook(&key.sign_webhook(&body), body).await
    }
}

impl Stack {
    /// Where LiveKit is to post.
    #[must_use]
    pub fn webhook_url(&self) -> String {
        format!("{}{PATH}", self.api().base())
    }

    /// A stream, as the operator sees it.
    pub async fn stream(&self, name: &str) -> Stream {
        jetstream::new(self.admin().await).get_stream(name).await.unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// How many messages INTAKE has ever taken, whatever became of them.
    pub async fn taken_in(&self) -> u64 {
        self.stream("INTAKE").await.cached_info().state.last_sequence
    }

    /// What is in INTAKE now, in its order.
    pub async fn stored(&self) -> Vec<Stored> {
        let intake = self.stream("INTAKE").await;
        let state = intake.cached_info().state.clone();
        let mut stored = Vec::new();
        for sequence in state.first_sequence..=state.last_sequence {
            // Another consumer may have been faster.
            let Ok(message) = intake.get_raw_message(sequence).await else { continue };
            let header = |name| message.headers.get(name).map(|value| value.to_string()).unwrap_or_default();
            stored.push(Stored {
                subject: message.subject.to_string(),
                id: header("Nats-Msg-Id"),
                trace: header("traceparent"),
                body: serde_json::from_slice(&message.payload).expect("JSON"),
            });
        }
        stored
    }
}
