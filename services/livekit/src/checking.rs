//! LiveKit access tokens: checking those that others signed.

use std::{
    collections::HashMap,
    sync::atomic::{AtomicBool, Ordering},
};

use avanzacast_kit::config::LiveKitConfig;
use avanzacast_schemas::{Code, Grants, Refusal, RoomName};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, dangerous::insecure_decode_claims};
use serde::{Deserialize, de::DeserializeOwned};

/// LiveKit's own tolerance for clocks (protocol `auth/verifier.go`).
pub(crate) const LEEWAY_S: i64 = 60;

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
    /// Unix seconds. Some versions of LiveKit take a token without, which then never ends; we do not.
    pub exp: Option<i64>,
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

/// Why a token is not good at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Untimely {
    /// It says no end.
    Endless,
    /// Its end is over.
    Over,
    /// It begins later.
    Early,
}

impl ForeignClaims {
    /// The identity in the room: LiveKit takes `jti` for a missing `sub`.
    #[must_use]
    pub fn identity(&self) -> &str {
        let sub = self.sub.as_deref().filter(|sub| !sub.is_empty());
        sub.or(self.jti.as_deref()).unwrap_or_default()
    }

    /// The token's end in Unix seconds, when it is good at `now` (Unix milliseconds).
    ///
    /// # Errors
    /// Why it is not.
    pub fn timely(&self, now: i64) -> Result<i64, Untimely> {
        let now = now.div_euclid(1000);
        match self.exp {
            None => Err(Untimely::Endless),
            Some(exp) if exp <= now => Err(Untimely::Over),
            Some(_) if self.nbf > now + LEEWAY_S => Err(Untimely::Early),
            Some(exp) => Ok(exp),
        }
    }

    /// Whether it lets into a room.
    #[must_use]
    pub fn lets_in(&self) -> bool {
        self.video.room_join
    }
}

/// The room that a token says it is for. Nothing is checked: it tells which rows have to be read before that is done.
#[must_use]
pub fn claimed_room(token: &str) -> Option<RoomName> {
    let claims = insecure_decode_claims::<ForeignClaims>(token).ok()?;
    RoomName::try_from(claims.video.room).ok()
}

/// What a token that is to be registered says about itself.
#[derive(Debug)]
pub enum Claimed {
    /// Signed by a key that is known here.
    Signed(ForeignClaims),
    /// Taken without a check, in development mode: the claims, when it has any.
    Unchecked(Option<ForeignClaims>),
}

/// Checks with any number of keys: our own, and those of other minters.
pub struct Verifier {
    keys: HashMap<String, DecodingKey>,
    takes_anything: bool,
    warned: AtomicBool,
}

#[derive(Deserialize)]
struct Issuer {
    iss: String,
}

impl Verifier {
    /// With the key that we sign with and those of `LIVEKIT_KEYS`: a secret's bytes are the HMAC key.
    #[must_use]
    pub fn new(livekit: &LiveKitConfig) -> Self {
        let own = [(&livekit.key, &livekit.secret)];
        let others = livekit.verify_keys.iter().map(|(key, secret)| (key, secret));
        let keys = others
            .chain(own)
            .map(|(key, secret)| (key.clone(), DecodingKey::from_secret(secret.reveal().as_bytes())))
            .collect();
        Self { keys, takes_anything: livekit.takes_anything, warned: AtomicBool::new(false) }
    }

    /// The claims of a token that a known key signed with HS256. Its time is not looked at.
    ///
    /// # Errors
    /// What is wrong with it; never the token itself.
    pub fn signed(&self, token: &str) -> Result<ForeignClaims, Refusal> {
        let refuse = |reason| Refusal::new(Code::TokenInvalid, format!("the token was not accepted: {reason}"));
        self.read(token).map_err(refuse)
    }

    /// Any claims of a token that a known key signed with HS256, or in a few words why there are none.
    pub(crate) fn read<C: DeserializeOwned>(&self, token: &str) -> Result<C, &'static str> {
        let issuer = insecure_decode_claims::<Issuer>(token).map_err(|error| reason(error.kind()))?.iss;
        let key = self.keys.get(&issuer).ok_or("its issuer is not known here")?;
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_issuer(&[issuer]);
        validation.set_required_spec_claims(&["iss"]);
        validation.validate_aud = false;
        // Time is the caller's: `ForeignClaims::timely`.
        validation.validate_exp = false;
        let decoded = jsonwebtoken::decode::<C>(token, key, &validation);
        decoded.map(|decoded| decoded.claims).map_err(|error| reason(error.kind()))
    }

    /// What a token that is to be registered says. One that claims a known key is checked, always; in development
    /// mode without keys any other text is taken as it is.
    ///
    /// # Errors
    /// As [`Verifier::signed`].
    pub fn claimed(&self, token: &str) -> Result<Claimed, Refusal> {
        if self.takes_anything && !token.trim().is_empty() {
            let known = |issuer: &Issuer| self.keys.contains_key(&issuer.iss);
            if !insecure_decode_claims::<Issuer>(token).is_ok_and(|claims| known(&claims)) {
                if !self.warned.swap(true, Ordering::Relaxed) {
                    tracing::warn!("development mode without LiveKit keys: any text is taken for a token, unchecked");
                }
                return Ok(Claimed::Unchecked(insecure_decode_claims(token).ok()));
            }
        }
        self.signed(token).map(Claimed::Signed)
    }
}

/// A word for what is wrong, without anything of the token in it.
#[expect(clippy::wildcard_enum_match_arm, reason = "the library's enum, which may grow; not ours")]
fn reason(kind: &jsonwebtoken::errors::ErrorKind) -> &'static str {
    use jsonwebtoken::errors::ErrorKind;
    match kind {
        ErrorKind::InvalidSignature => "its signature is not by the key that it names",
        ErrorKind::InvalidIssuer => "its issuer is not known here",
        ErrorKind::InvalidAlgorithm | ErrorKind::InvalidAlgorithmName => "it is not signed with HS256",
        ErrorKind::MissingRequiredClaim(_) => "it lacks iss",
        ErrorKind::Json(_) => "its claims are not those of an access token",
        _ => "it is not a JWT",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::minting::{Bearer, Minter, Stamp};
    use avanzacast_kit::Secret;
    use avanzacast_schemas::Role;

    fn livekit(key: &str, secret: &str) -> LiveKitConfig {
        LiveKitConfig {
            key: key.to_owned(),
            secret: Secret::new(secret),
            ws_url: String::new(),
            http_url: String::new(),
            verify_keys: vec![("APIother".to_owned(), Secret::new("other-other-other-other-other-other"))],
            takes_anything: false,
        }
    }

    const SECRET: &str = "0123456789abcdef0123456789abcdef";
    const NOW: i64 = 1_000_000_000_000;

    fn token(key: &str, secret: &str) -> String {
        let bearer = Bearer { identity: "p_x", name: "Ana", room: "r", role: Role::Guest };
        Minter::new(key, &Secret::new(secret)).mint(bearer, &Stamp::new(uuid::Uuid::nil(), NOW, NOW + 300_001)).unwrap()
    }

    #[test]
    fn a_token_is_checked_at_the_given_time_and_by_known_keys_only() {
        let verifier = Verifier::new(&livekit("APIx", SECRET));
        let claims = verifier.signed(&token("APIx", SECRET)).unwrap();
        assert_eq!(claims.video.room, "r");
        assert_eq!(claims.timely(NOW), Ok(1_000_000_301));
        assert_eq!(claims.timely(NOW + 301_000), Err(Untimely::Over));
        assert_eq!(claims.timely(NOW - 67_000), Err(Untimely::Early));
        assert_eq!(ForeignClaims { exp: None, ..claims }.timely(NOW), Err(Untimely::Endless));
        assert!(verifier.signed(&token("APIother", "other-other-other-other-other-other")).is_ok());
        assert!(verifier.signed(&token("APIother", SECRET)).is_err(), "another key's name over our signature");
        assert!(verifier.signed(&token("APIthird", SECRET)).is_err());
    }

    #[test]
    fn what_is_wrong_with_a_token_does_not_echo_it() {
        let verifier = Verifier::new(&livekit("APIx", SECRET));
        let good = token("APIx", SECRET);
        let mut forged = good.clone();
        forged.pop();
        for bad in [forged.as_str(), "", "jwt..", "a.b.c", &good.replacen('.', "..", 1)] {
            let refusal = verifier.signed(bad).unwrap_err();
            assert_eq!(refusal.code, Code::TokenInvalid);
            assert!(bad.is_empty() || !refusal.detail.contains(bad), "the token is not echoed");
        }
    }

    #[test]
    fn in_development_any_text_is_taken_but_not_a_forgery_of_our_own_key() {
        let verifier = Verifier::new(&LiveKitConfig { takes_anything: true, ..livekit("devkey", "secret") });
        assert!(matches!(verifier.claimed("jwt.."), Ok(Claimed::Unchecked(None))));
        assert!(matches!(verifier.claimed(&token("APIthird", SECRET)), Ok(Claimed::Unchecked(Some(_)))));
        assert!(matches!(verifier.claimed(&token("devkey", "secret")), Ok(Claimed::Signed(_))));
        assert!(verifier.claimed(&token("devkey", SECRET)).is_err());
        assert!(verifier.claimed(" ").is_err());
    }
}
