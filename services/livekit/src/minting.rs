//! LiveKit access tokens: signing our own.

use avanzacast_kit::Secret;
use avanzacast_schemas::{Code, Grants, Refusal, Role};
use data_encoding::HEXLOWER;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// A token is valid from a few seconds ago, for clocks that are a little behind ours. Never 0: LiveKit Cloud refuses
/// tokens older than a participant's removal by this claim.
pub(crate) const NOT_BEFORE_MARGIN_S: i64 = 5;

/// The changing part of a token that we sign. With what the session says it gives the same token, byte for byte, so
/// that no token has to be kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// The token's id.
    pub jti: String,
    /// Unix seconds.
    pub nbf: i64,
    /// Unix seconds.
    pub exp: i64,
}

impl Stamp {
    /// For a token minted at `now` (Unix milliseconds) that ends with the second in which `until` falls.
    #[must_use]
    pub fn new(jti: uuid::Uuid, now: i64, until: i64) -> Self {
        Self {
            jti: jti.to_string(),
            nbf: now.div_euclid(1000) - NOT_BEFORE_MARGIN_S,
            exp: (until + 999).div_euclid(1000),
        }
    }
}

/// Who a token is for.
#[derive(Debug, Clone, Copy)]
pub struct Bearer<'a> {
    /// `sub`: the identity in the room.
    pub identity: &'a str,
    /// `name`: what is shown.
    pub name: &'a str,
    /// The room.
    pub room: &'a str,
    /// What they may do.
    pub role: Role,
}

/// LiveKit's claims (protocol `auth/accesstoken.go`, `auth/grants.go`). No `aud`: some of its verifiers refuse it.
#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    name: &'a str,
    jti: &'a str,
    nbf: i64,
    exp: i64,
    video: VideoGrant<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct VideoGrant<'a> {
    room: &'a str,
    #[serde(flatten)]
    grants: Grants,
}

/// What a role may do.
#[must_use]
pub fn grants_of(role: Role) -> Grants {
    let publishes = match role {
        Role::Guest | Role::Cohost | Role::Host => true,
        Role::Viewer => false,
    };
    Grants { room_join: true, can_publish: publishes, can_subscribe: true, can_publish_data: publishes }
}

/// The name of a token in events: lower-case hex of SHA-256 of its text.
#[must_use]
pub fn fingerprint(token: &str) -> String {
    HEXLOWER.encode(&Sha256::digest(token))
}

/// Signs with one API key.
pub struct Minter {
    key: String,
    encoding: EncodingKey,
    header: Header,
}

impl Minter {
    /// With this key and secret: the secret's bytes are the HMAC key.
    #[must_use]
    pub fn new(key: &str, secret: &Secret) -> Self {
        let encoding = EncodingKey::from_secret(secret.reveal().as_bytes());
        Self { key: key.to_owned(), encoding, header: Header::new(Algorithm::HS256) }
    }

    /// The API key: `iss`.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Signs a token: the same for the same input.
    ///
    /// # Errors
    /// Never for claims like these; a refusal if it should.
    pub fn mint(&self, bearer: Bearer<'_>, stamp: &Stamp) -> Result<String, Refusal> {
        let claims = Claims {
            iss: &self.key,
            sub: bearer.identity,
            name: bearer.name,
            jti: &stamp.jti,
            nbf: stamp.nbf,
            exp: stamp.exp,
            video: VideoGrant { room: bearer.room, grants: grants_of(bearer.role) },
        };
        self.sign(&claims)
    }

    /// Signs any claims.
    pub(crate) fn sign(&self, claims: &impl Serialize) -> Result<String, Refusal> {
        jsonwebtoken::encode(&self.header, claims, &self.encoding).map_err(|error| {
            tracing::error!(%error, "a token was not signed");
            Refusal::from(Code::Internal)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minter() -> Minter {
        Minter::new("APIx", &Secret::new("0123456789abcdef0123456789abcdef"))
    }

    const BEARER: Bearer<'_> = Bearer { identity: "p_x", name: "Ana", room: "r", role: Role::Guest };

    fn stamp() -> Stamp {
        Stamp::new(uuid::Uuid::nil(), 1_000_000_000_000, 1_000_000_300_001)
    }

    #[test]
    fn the_same_input_gives_the_same_token() {
        let token = minter().mint(BEARER, &stamp()).unwrap();
        assert_eq!(token, minter().mint(BEARER, &stamp()).unwrap());
        let payload = token.split('.').nth(1).unwrap();
        let claims = data_encoding::BASE64URL_NOPAD.decode(payload.as_bytes()).unwrap();
        let claims: serde_json::Value = serde_json::from_slice(&claims).unwrap();
        assert_eq!(
            claims,
            serde_json::json!({"iss": "APIx", "sub": "p_x", "name": "Ana",
                "jti": "00000000-0000-0000-0000-000000000000", "nbf": 999_999_995, "exp": 1_000_000_301,
                "video": {"room": "r", "roomJoin": true, "canPublish": true, "canSubscribe": true,
                    "canPublishData": true}})
        );
    }
}
