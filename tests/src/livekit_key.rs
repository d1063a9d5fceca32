use data_encoding::BASE64URL_NOPAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

/// How long a token of a test is good, unless the test says otherwise.
const LIFE_S: i64 = 600;
/// `nbf` lies back, as LiveKit's own clocks may differ.
const BACK_S: i64 = 5;

/// A LiveKit API key with its secret: signs what a LiveKit server, or somebody who wants to fool it, would.
#[derive(Debug, Clone)]
pub struct LiveKitKey {
    name: String,
    secret: String,
}

impl LiveKitKey {
    /// This one.
    #[must_use]
    pub fn new(name: &str, secret: &str) -> Self {
        Self { name: name.to_owned(), secret: secret.to_owned() }
    }

    /// One that nobody knows.
    #[must_use]
    pub fn random() -> Self {
        Self { name: format!("API{}", crate::stack_env::word(12)), secret: crate::stack_env::word(40) }
    }

    /// `iss`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it signs with.
    #[must_use]
    pub fn secret(&self) -> &str {
        &self.secret
    }

    /// The claims of an access token that is good now, with this `video` grant.
    #[must_use]
    pub fn claims(&self, identity: &str, video: Value) -> Value {
        let now = now_s();
        json!({"iss": self.name, "sub": identity, "nbf": now - BACK_S, "exp": now + LIFE_S, "video": video})
    }

    /// A token that lets into a room.
    #[must_use]
    pub fn token(&self, identity: &str, room: &str) -> String {
        self.sign(&self.claims(identity, json!({"room": room, "roomJoin": true})))
    }

    /// As it should be signed: HS256.
    #[must_use]
    pub fn sign(&self, claims: &Value) -> String {
        self.sign_as(Algorithm::HS256, claims)
    }

    /// By another algorithm.
    #[must_use]
    pub fn sign_as(&self, algorithm: Algorithm, claims: &Value) -> String {
        encode(&Header::new(algorithm), claims, &EncodingKey::from_secret(self.secret.as_bytes())).unwrap()
    }

    /// Not at all: `alg` is `none`.
    #[must_use]
    pub fn unsigned(claims: &Value) -> String {
        let part = |value: &Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
        format!("{}.{}.", part(&json!({"alg": "none", "typ": "JWT"})), part(claims))
    }
}

fn now_s() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    i64::try_from(since.as_secs()).expect("before the end of time")
}
