//! Which process of a stack knows what: each gets what its role needs and no more, as in production.

use avanzacast_schemas::bus::BusUser;
use rand::RngExt;
use rand::distr::Alphanumeric;

use crate::Nats;

/// Half of what a secret is made of twice; long enough for HS256 (32 bytes).
const SECRET_CHARACTERS: usize = 40;

/// Secrets of one stack.
#[derive(Debug, Clone)]
pub(crate) struct Credentials {
    pub(crate) livekit_key: String,
    pub(crate) livekit_secret: String,
    pub(crate) register_secret: String,
}

impl Credentials {
    pub(crate) fn random() -> Self {
        Self { livekit_key: format!("API{}", word(12)), livekit_secret: secret(), register_secret: secret() }
    }

    /// What [`crate::Process::forbid_in_logs`] is told.
    pub(crate) fn secrets(&self) -> [&str; 2] {
        [&self.livekit_secret, &self.register_secret]
    }

    /// LiveKit's key and secret.
    pub(crate) fn livekit(&self) -> Vec<(String, String)> {
        pairs([("LIVEKIT_API_KEY", &self.livekit_key), ("LIVEKIT_API_SECRET", &self.livekit_secret)])
    }

    /// The secret of those who call the edge.
    pub(crate) fn register(&self) -> Vec<(String, String)> {
        pairs([("BACKEND_REGISTER_SECRET", &self.register_secret)])
    }
}

/// What every process is told.
pub(crate) fn common() -> Vec<(String, String)> {
    pairs([
        ("HOST", "127.0.0.1"),
        ("PORT", "0"),
        ("METRICS_ADDR", "127.0.0.1:0"),
        // One client asks for everything here.
        ("RATE_LIMIT_PER_MINUTE", "0"),
        ("PUBLIC_URL", "http://backend.test"),
        // Nobody listens there: no test may reach a LiveKit that it did not start.
        ("LIVEKIT_URL", "ws://127.0.0.1:9"),
        ("LIVEKIT_SERVER", "off"),
    ])
}

/// The bus as `user` sees it, through a proxy if there is one.
pub(crate) fn bus(nats: &Nats, proxy: Option<&crate::Proxy>, user: BusUser) -> Vec<(String, String)> {
    let mut variables = nats.environment(user);
    variables.extend(proxy.map(|proxy| ("NATS_URL".to_owned(), format!("nats://{}", proxy.addr()))));
    variables
}

/// Environment variables, owned.
pub fn pairs<'a>(
    variables: impl IntoIterator<Item = (&'a str, &'a (impl AsRef<str> + ?Sized + 'a))>,
) -> Vec<(String, String)> {
    variables.into_iter().map(|(name, value)| (name.to_owned(), value.as_ref().to_owned())).collect()
}

/// A name that no other test of this cluster uses.
pub(crate) fn word(characters: usize) -> String {
    rand::rng().sample_iter(Alphanumeric).take(characters).map(|byte| char::from(byte).to_ascii_lowercase()).collect()
}

fn secret() -> String {
    word(SECRET_CHARACTERS)
}
