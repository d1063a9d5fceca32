//! What a caller shows to say who it is: a header with a secret, or a signature made with one. Never anything in the
//! query or the body.

use avanzacast_kit::{
    Secret,
    config::{ApiKey, Scope},
    time,
};
use avanzacast_schemas::Code;
use axum::http::{HeaderMap, Method, Uri, header};
use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use crate::{
    ask::single,
    console::{self, Pass},
    problem::Problem,
};

const SECRET: &str = "x-backend-secret";
const SIGNATURE: &str = "x-backend-signature";
/// How far a signature's moment may be from ours, either way: long enough for clocks and queues, short enough that a
/// copied request is soon worth nothing.
const SIGNATURE_WINDOW_S: i64 = 300;

/// A credential as it came.
#[derive(Debug)]
pub(crate) enum Shown {
    Nothing,
    /// `X-BACKEND-SECRET`
    Secret(Secret),
    /// `Authorization: Bearer`: perhaps somebody else's.
    Bearer(Secret),
    /// `X-BACKEND-SIGNATURE`
    Signature(Option<Signature>),
    /// The console's cookies, which a browser sends by itself: any other credential comes before them.
    Passes(Vec<Pass>),
}

/// `t=<unix seconds>,v1=<hex HMAC-SHA256>`.
#[derive(Debug)]
pub(crate) struct Signature {
    moment: i64,
    mac: Vec<u8>,
}

impl Signature {
    fn parse(text: &str) -> Option<Self> {
        let (moment, mac) = text.strip_prefix("t=")?.split_once(",v1=")?;
        let decimal = !moment.is_empty() && moment.bytes().all(|b| b.is_ascii_digit());
        let moment = Some(moment).filter(|_| decimal)?.parse().ok()?;
        Some(Self { moment, mac: HEXLOWER.decode(mac.to_ascii_lowercase().as_bytes()).ok()? })
    }
}

impl Shown {
    /// Reads the headers.
    pub(crate) fn read(headers: &HeaderMap) -> Result<Self, Problem> {
        let secret = single(headers, SECRET)?;
        let signature = single(headers, SIGNATURE)?;
        // Another scheme is somebody else's business.
        let bearer = single(headers, header::AUTHORIZATION.as_str())?
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, token)| token.trim());
        match (secret, signature, bearer) {
            (None, None, None) => {
                let passes = Pass::read(headers);
                Ok(if passes.is_empty() { Self::Nothing } else { Self::Passes(passes) })
            }
            (Some(secret), None, None) => Ok(Self::Secret(Secret::new(secret))),
            (None, Some(signature), None) => Ok(Self::Signature(Signature::parse(signature))),
            (None, None, Some(bearer)) => Ok(Self::Bearer(Secret::new(bearer))),
            _ => Err(Problem::malformed("more than one credential was sent")),
        }
    }
}

/// A configured key, ready to be compared with.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) name: String,
    pub(crate) scopes: Vec<Scope>,
    digest: [u8; 32],
    secret: Secret,
}

impl From<ApiKey> for Key {
    fn from(key: ApiKey) -> Self {
        let digest = Sha256::digest(key.secret.reveal()).into();
        Self { name: key.name, scopes: key.scopes, digest, secret: key.secret }
    }
}

impl Key {
    /// HMAC-SHA256 of these bytes, one after the other.
    fn sign(&self, parts: &[&[u8]]) -> Option<Vec<u8>> {
        let mac = Hmac::<Sha256>::new_from_slice(self.secret.reveal().as_bytes()).ok()?;
        Some(parts.iter().fold(mac, |mac, part| mac.chain_update(part)).finalize().into_bytes().to_vec())
    }

    /// A pass in place of its secret, from now on.
    pub(crate) fn pass(&self) -> Option<Pass> {
        let until = time::now_ms().div_euclid(1000) + console::LASTS_S;
        Some(Pass { until, mac: self.sign(&[console::signed(until).as_bytes()])? })
    }
}

/// All configured keys.
#[derive(Debug)]
pub(crate) struct Keys(Vec<Key>);

impl Keys {
    pub(crate) fn new(keys: Vec<ApiKey>) -> Self {
        Self(keys.into_iter().map(Key::from).collect())
    }

    /// The key with this secret. Every key is compared with, by digests of one length, so that how long it takes says
    /// nothing.
    pub(crate) fn with_secret(&self, secret: &Secret) -> Option<&Key> {
        let digest: [u8; 32] = Sha256::digest(secret.reveal()).into();
        self.first(|key| key.digest.ct_eq(&digest))
    }

    /// The key that signed this request, if the signature is of now.
    pub(crate) fn that_signed(&self, signature: &Signature, method: &Method, uri: &Uri, body: &[u8]) -> Option<&Key> {
        if (time::now_ms().div_euclid(1000) - signature.moment).abs() > SIGNATURE_WINDOW_S {
            return None;
        }
        let target = uri.path_and_query().map_or("/", |target| target.as_str());
        let head = format!("{}.{method}.{target}.", signature.moment);
        self.first(|key| key.sign(&[head.as_bytes(), body]).map_or(Choice::from(0), |made| made.ct_eq(&signature.mac)))
    }

    /// The key that the first pass that counts was given for.
    pub(crate) fn that_passed(&self, passes: &[Pass]) -> Option<&Key> {
        passes.iter().find_map(|pass| self.passed(pass))
    }

    /// The key that this pass was given for, while it lasts.
    fn passed(&self, pass: &Pass) -> Option<&Key> {
        if time::now_ms().div_euclid(1000) >= pass.until {
            return None;
        }
        let signed = console::signed(pass.until);
        self.first(|key| key.sign(&[signed.as_bytes()]).map_or(Choice::from(0), |made| made.ct_eq(&pass.mac)))
    }

    fn first(&self, same: impl Fn(&Key) -> Choice) -> Option<&Key> {
        let found: Vec<bool> = self.0.iter().map(|key| same(key).into()).collect();
        self.0.iter().zip(found).find(|(_, found)| *found).map(|(key, _)| key)
    }
}

/// A credential that is none of ours.
pub(crate) fn invalid() -> Problem {
    Code::CredentialInvalid.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> Keys {
        let key = |name: &str, secret: &str| ApiKey {
            name: name.to_owned(),
            secret: Secret::new(secret),
            scopes: vec![Scope::Mint],
        };
        Keys::new(vec![key("new", "secret-two"), key("old", "secret-one")])
    }

    fn sign(moment: i64, target: &str, body: &str) -> String {
        let mac = Hmac::<Sha256>::new_from_slice(b"secret-one").unwrap();
        let made = mac.chain_update(format!("{moment}.POST.{target}.{body}")).finalize().into_bytes();
        format!("t={moment},v1={}", HEXLOWER.encode(&made))
    }

    fn signer(header: &str, target: &str, body: &str) -> Option<String> {
        let signature = Signature::parse(header)?;
        let uri: Uri = target.parse().unwrap();
        keys().that_signed(&signature, &Method::POST, &uri, body.as_bytes()).map(|key| key.name.clone())
    }

    #[test]
    fn any_configured_secret_is_one_and_nothing_else() {
        for (secret, name) in [("secret-one", Some("old")), ("secret-two", Some("new")), ("secret", None), ("", None)] {
            assert_eq!(keys().with_secret(&Secret::new(secret)).map(|key| key.name.as_str()), name);
        }
    }

    #[test]
    fn a_signature_is_of_one_request_and_of_now() {
        let now = time::now_ms() / 1000;
        let good = sign(now, "/a?b=1", "{}");
        assert_eq!(signer(&good, "/a?b=1", "{}").as_deref(), Some("old"));
        assert_eq!(
            signer(&good.to_uppercase().replace("T=", "t=").replace("V1=", "v1="), "/a?b=1", "{}").as_deref(),
            Some("old")
        );
        for (header, target, body) in [
            (good.clone(), "/a?b=2", "{}"),
            (good.clone(), "/a", "{}"),
            (good.clone(), "/a?b=1", "{ }"),
            (sign(now - 301, "/a", ""), "/a", ""),
            (sign(now + 302, "/a", ""), "/a", ""),
            (format!("t={now},v1="), "/a", ""),
            (format!("t=+{now},v1=00"), "/a", ""),
            ("v1=00".to_owned(), "/a", ""),
        ] {
            assert_eq!(signer(&header, target, body), None, "{header} {target}");
        }
        assert_eq!(signer(&sign(now - 299, "/a", ""), "/a", "").as_deref(), Some("old"));
    }

    #[test]
    fn a_pass_is_one_key_s_and_lasts_for_a_while() {
        let (keys, now) = (keys(), time::now_ms() / 1000);
        let pass = keys.with_secret(&Secret::new("secret-one")).unwrap().pass().unwrap();
        assert_eq!(keys.passed(&pass).map(|key| key.name.as_str()), Some("old"));
        assert!((now + console::LASTS_S - 1..=now + console::LASTS_S + 1).contains(&pass.until));
        assert!(keys.passed(&Pass { until: pass.until + 1, ..pass.clone() }).is_none(), "it says how long it lasts");
        let forged = Pass { mac: Vec::new(), ..pass.clone() };
        assert!(keys.passed(&forged).is_none());
        assert!(keys.that_passed(&[forged, pass]).is_some(), "one that is bad hides none that is good");
        let old = &keys.0[1];
        let over = Pass { until: now, mac: old.sign(&[console::signed(now).as_bytes()]).unwrap() };
        assert!(keys.passed(&over).is_none());
        let signature = sign(now, "/a", "");
        let mac = Signature::parse(&signature).unwrap().mac;
        assert!(keys.passed(&Pass { until: now + 60, mac }).is_none(), "a signature of a request is no pass");
    }

    #[test]
    fn one_credential_is_enough() {
        let read = |pairs: &[(&str, &str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.append(axum::http::HeaderName::try_from(*name).unwrap(), value.parse().unwrap());
            }
            Shown::read(&headers)
        };
        assert!(matches!(read(&[]), Ok(Shown::Nothing)));
        assert!(matches!(read(&[("authorization", "Basic eDp5")]), Ok(Shown::Nothing)));
        assert!(matches!(read(&[("authorization", "bearer x")]), Ok(Shown::Bearer(_))));
        assert!(matches!(read(&[("x-backend-signature", "nonsense")]), Ok(Shown::Signature(None))));
        let cookie = ("cookie", "avanzacast_console=1.00");
        assert!(matches!(read(&[cookie]), Ok(Shown::Passes(_))));
        assert!(matches!(read(&[cookie, ("x-backend-secret", "a")]), Ok(Shown::Secret(_))));
        assert!(read(&[("x-backend-secret", "a"), ("x-backend-secret", "a")]).is_err());
        assert!(read(&[("x-backend-secret", "a"), ("authorization", "Bearer a")]).is_err());
    }
}
