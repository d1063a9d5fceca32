//! Webhooks: whether LiveKit signed one.
//!
//! LiveKit sends, beside the body, a token by one of its API keys that holds the body's hash (protocol
//! `webhook/notifier.go`). An access token of a participant is signed by the same key, and holds none.

use avanzacast_schemas::{Code, Refusal, VerifyWebhook};
use serde::Deserialize;
use subtle::ConstantTimeEq;

use crate::{Verifier, checking::LEEWAY_S};

/// Standard base64 of 32 bytes.
const HASH_CHARACTERS: usize = 44;

#[derive(Deserialize)]
struct Claims {
    /// Unix seconds: LiveKit gives a webhook five minutes.
    exp: Option<i64>,
    /// Unix seconds.
    #[serde(default)]
    nbf: i64,
    /// Standard base64 of SHA-256 of the body.
    sha256: Option<String>,
}

impl Verifier {
    /// Whether a known key signed this body's hash, for `now` (Unix milliseconds).
    ///
    /// # Errors
    /// `credential_invalid`, and what is wrong; never the token itself.
    pub fn webhook(&self, webhook: &VerifyWebhook, now: i64) -> Result<(), Refusal> {
        let refuse = |reason: &str| Err(Refusal::new(Code::CredentialInvalid, format!("the webhook's {reason}")));
        let claims: Claims = match self.read(&webhook.authorization) {
            Ok(claims) => claims,
            Err(reason) => return refuse(&format!("token was not accepted: {reason}")),
        };
        let now = now.div_euclid(1000);
        if claims.exp.is_none_or(|exp| exp.saturating_add(LEEWAY_S) <= now) {
            return refuse("token has expired");
        }
        if claims.nbf > now + LEEWAY_S {
            return refuse("token is not good yet");
        }
        match claims.sha256.filter(|hash| hash.len() == HASH_CHARACTERS) {
            None => refuse("token is not one for a webhook"),
            Some(hash) if bool::from(hash.as_bytes().ct_eq(webhook.sha256.as_bytes())) => Ok(()),
            Some(_) => refuse("body is not the one that was signed"),
        }
    }
}

#[cfg(test)]
mod tests {
    use avanzacast_kit::{Secret, config::LiveKitConfig};
    use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
    use serde_json::{Value, json};

    use super::*;

    const SECRET: &str = "0123456789abcdef0123456789abcdef";
    const OTHER: &str = "other-other-other-other-other-other";
    const NOW_S: i64 = 1_000_000_000;
    const HASH: &str = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";

    fn verifier() -> Verifier {
        Verifier::new(&LiveKitConfig {
            key: "APIx".to_owned(),
            secret: Secret::new(SECRET),
            ws_url: String::new(),
            http_url: String::new(),
            verify_keys: vec![("APIother".to_owned(), Secret::new(OTHER))],
            // Of registered tokens, never of webhooks.
            takes_anything: true,
        })
    }

    fn claims() -> Value {
        json!({"iss": "APIx", "exp": NOW_S + 300, "nbf": NOW_S, "sha256": HASH})
    }

    fn with(name: &str, value: Value) -> Value {
        let mut claims = claims();
        claims[name] = value;
        claims
    }

    fn checked(secret: &str, claims: &Value, sha256: &str) -> Result<(), Refusal> {
        let key = EncodingKey::from_secret(secret.as_bytes());
        let authorization = encode(&Header::new(Algorithm::HS256), claims, &key).unwrap();
        verifier().webhook(&VerifyWebhook { authorization, sha256: sha256.to_owned() }, NOW_S * 1000)
    }

    #[test]
    fn what_a_known_key_signed_for_this_body_and_this_time_is_taken() {
        checked(SECRET, &claims(), HASH).unwrap();
        checked(OTHER, &with("iss", json!("APIother")), HASH).unwrap();
        checked(SECRET, &with("exp", json!(NOW_S - 59)), HASH).unwrap();
        checked(SECRET, &with("nbf", json!(NOW_S + 60)), HASH).unwrap();
    }

    #[test]
    fn everything_else_is_refused() {
        for (why, secret, claims, sha256) in [
            ("another secret", OTHER, claims(), HASH),
            ("an unknown key", SECRET, with("iss", json!("APIthird")), HASH),
            ("no key", SECRET, with("iss", json!(null)), HASH),
            ("expired", SECRET, with("exp", json!(NOW_S - 60)), HASH),
            ("endless", SECRET, with("exp", json!(null)), HASH),
            ("of the future", SECRET, with("nbf", json!(NOW_S + 61)), HASH),
            ("another body", SECRET, claims(), "5rJLoCFnrmjOEtR1sqFGGaLPwWHZ6bJNMyODg9y6GrE="),
            ("a participant's token", SECRET, with("sha256", json!(null)), HASH),
            ("no hash at all, twice", SECRET, with("sha256", json!("")), ""),
        ] {
            let refusal = checked(secret, &claims, sha256).expect_err(why);
            assert_eq!(refusal.code, Code::CredentialInvalid, "{why}");
        }
    }

    #[test]
    fn text_that_is_no_token_is_refused_and_not_echoed() {
        for bad in ["", "jwt..", "a.b.c", "Bearer a.b.c"] {
            let webhook = VerifyWebhook { authorization: bad.to_owned(), sha256: HASH.to_owned() };
            let refusal = verifier().webhook(&webhook, NOW_S * 1000).unwrap_err();
            assert_eq!(refusal.code, Code::CredentialInvalid);
            assert!(bad.is_empty() || !refusal.detail.contains(bad), "{}", refusal.detail);
        }
    }
}
