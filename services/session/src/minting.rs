//! LiveKit access tokens: signing our own, checking those of others.

use avanzacast_kit::config::LiveKitConfig;
use avanzacast_schemas::{Code, Grants, Refusal, Role};
use data_encoding::HEXLOWER;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
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

/// What of a foreign token's claims is looked at.
#[derive(Debug, Clone, Deserialize)]
pub struct ForeignClaims {
    /// The API key that signed it.
    pub iss: String,
    /// The identity in the room.
    pub sub: Option<String>,
    /// What is shown.
    pub name: Option<String>,
    /// The token's id; LiveKit's fallback for the identity.
    pub jti: Option<String>,
    /// Unix seconds.
    pub exp: i64,
    /// Unix seconds.
    #[serde(default)]
    pub nbf: i64,
    /// The grant.
    pub video: ForeignGrant,
}

/// A foreign token's grant. What is absent means what LiveKit takes it to mean.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ForeignGrant {
    /// The room.
    #[serde(default)]
    pub room: String,
    #[serde(default)]
    room_join: bool,
    can_publish: Option<bool>,
    can_subscribe: Option<bool>,
    can_publish_data: Option<bool>,
}

impl ForeignGrant {
    /// The rights that LiveKit gives for it.
    #[must_use]
    pub fn grants(&self) -> Grants {
        let can_publish = self.can_publish.unwrap_or(true);
        Grants {
            room_join: self.room_join,
            can_publish,
            can_subscribe: self.can_subscribe.unwrap_or(true),
            can_publish_data: self.can_publish_data.unwrap_or(can_publish),
        }
    }
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

/// Signs and checks with one API key.
pub struct Minter {
    key: String,
    encoding: EncodingKey,
    decoding: DecodingKey,
    header: Header,
}

impl Minter {
    /// With this key and secret: the secret's bytes are the HMAC key.
    #[must_use]
    pub fn new(livekit: &LiveKitConfig) -> Self {
        let secret = livekit.secret.reveal().as_bytes();
        Self {
            key: livekit.key.clone(),
            encoding: EncodingKey::from_secret(secret),
            decoding: DecodingKey::from_secret(secret),
            header: Header::new(Algorithm::HS256),
        }
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
        jsonwebtoken::encode(&self.header, &claims, &self.encoding).map_err(|error| {
            tracing::error!(%error, "a token was not signed");
            Refusal::from(Code::Internal)
        })
    }

    /// Checks a token that somebody else signed, at `now` (Unix milliseconds): HS256 by our key, in its time, for
    /// joining a room.
    ///
    /// # Errors
    /// What is wrong with it; never the token itself.
    pub fn check(&self, token: &str, now: i64) -> Result<ForeignClaims, Refusal> {
        let refuse = |detail: &str| Refusal::new(Code::TokenInvalid, detail);
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_issuer(&[&self.key]);
        validation.set_required_spec_claims(&["exp", "iss"]);
        validation.validate_aud = false;
        // Time is the caller's, below.
        validation.validate_exp = false;
        let claims = jsonwebtoken::decode::<ForeignClaims>(token, &self.decoding, &validation)
            .map_err(|error| refuse(&format!("the token was not accepted: {}", reason(error.kind()))))?
            .claims;
        if claims.exp <= now.div_euclid(1000) {
            return Err(refuse("the token has expired"));
        }
        if claims.nbf > now.div_euclid(1000) + LEEWAY_S {
            return Err(refuse("the token is not valid yet"));
        }
        if !claims.video.room_join {
            return Err(refuse("the token does not allow joining a room"));
        }
        Ok(claims)
    }
}

/// LiveKit's own tolerance for clocks (protocol `auth/verifier.go`).
const LEEWAY_S: i64 = 60;

/// A word for what is wrong, without anything of the token in it.
#[expect(clippy::wildcard_enum_match_arm, reason = "the library's enum, which may grow; not ours")]
fn reason(kind: &jsonwebtoken::errors::ErrorKind) -> &'static str {
    use jsonwebtoken::errors::ErrorKind;
    match kind {
        ErrorKind::InvalidSignature => "its signature is not by a key known here",
        ErrorKind::InvalidIssuer => "its issuer is not known here",
        ErrorKind::InvalidAlgorithm | ErrorKind::InvalidAlgorithmName => "it is not signed with HS256",
        ErrorKind::MissingRequiredClaim(_) => "it lacks exp or iss",
        ErrorKind::Json(_) => "its claims are not those of an access token",
        _ => "it is not a JWT",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use avanzacast_kit::Secret;

    fn minter() -> Minter {
        Minter::new(&LiveKitConfig {
            key: "APIx".to_owned(),
            secret: Secret::new("0123456789abcdef0123456789abcdef"),
            ws_url: String::new(),
            http_url: String::new(),
        })
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

    #[test]
    fn a_token_is_checked_at_the_given_time_and_by_our_key_only() {
        let token = minter().mint(BEARER, &stamp()).unwrap();
        let check = |now| minter().check(&token, now);
        assert_eq!(check(1_000_000_000_000).unwrap().video.room, "r");
        assert!(check(1_000_000_301_000).is_err());
        assert!(check(1_000_000_000_000 - 67_000).is_err());
        let mut forged = token.clone();
        forged.pop();
        for bad in [forged.as_str(), "", "jwt..", "a.b.c", &token.replacen('.', "..", 1)] {
            let refusal = minter().check(bad, 1_000_000_000_000).unwrap_err();
            assert_eq!(refusal.code, Code::TokenInvalid);
            assert!(bad.is_empty() || !refusal.detail.contains(bad), "the token is not echoed");
        }
    }
}
