//! Configuration: the environment, or a `.env` file, all of it read before anything starts.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use avanzacast_kit::{
    Secret,
    config::{BusConfig, ConfigError, Links, LiveKitConfig, Mode, Variables},
};
use avanzacast_schemas::bus::BusUser;

/// Where the backend is in development, for links.
const BACKEND_PORT: u16 = 4000;
const PORT: u16 = 4100;

/// What it is configured with.
pub(crate) struct Config {
    /// `HOST` (127.0.0.1 in development, else 0.0.0.0) and `PORT` (4100).
    pub(crate) listen: SocketAddr,
    /// `NATS_URL` and `NATS_TOKEN_SERVER_PASSWORD`.
    pub(crate) bus: BusConfig,
    /// The first of `LIVEKIT_KEYS`, which the backend must know and LiveKit too.
    pub(crate) key: (String, Secret),
    /// The same variables as the backend's, so that the links are the same.
    pub(crate) links: Links,
    /// `TOKEN_SERVER_SECRET`: what callers show. Without it anybody may mint, on this machine only.
    pub(crate) secret: Option<Secret>,
}

impl Config {
    /// Reads it.
    pub(crate) fn read(mut variables: Variables) -> Result<Self, ConfigError> {
        let mode = Mode::of_role(&mut variables);
        let secret = variables.secret("TOKEN_SERVER_SECRET");
        let config = Self {
            listen: listen(&mut variables, mode, secret.is_some()),
            bus: BusConfig::read(&mut variables, BusUser::TokenServer),
            key: LiveKitConfig::read_minter(&mut variables, mode),
            links: Links::read(&mut variables, mode, BACKEND_PORT),
            secret,
        };
        variables.finish().map(|()| config)
    }
}

fn listen(variables: &mut Variables, mode: Mode, secret: bool) -> SocketAddr {
    let default = match mode {
        Mode::Development => IpAddr::V4(Ipv4Addr::LOCALHOST),
        Mode::Production => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
    };
    let host = variables.parse("HOST", default, "an IP address, for example 127.0.0.1");
    if !secret && (mode == Mode::Production || !host.is_loopback()) {
        variables.problem(
            "TOKEN_SERVER_SECRET is required: what callers must show (only with AVANZACAST_DEV=1 and on 127.0.0.1 may \
             anybody mint)",
        );
    }
    SocketAddr::new(host, variables.parse("PORT", PORT, "a port from 0 to 65535"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Config, String> {
        let all = [("NATS_URL", "nats://127.0.0.1:1"), ("NATS_TOKEN_SERVER_PASSWORD", "p"), ("PUBLIC_URL", "http://b")];
        let all = all.iter().chain(pairs).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Config::read(Variables::from_map(all.collect())).map_err(|error| error.to_string())
    }

    #[test]
    fn without_a_secret_it_is_for_development_on_this_machine() {
        let key = ("LIVEKIT_KEYS", "APIa: aaaa, APIb: bbbb");
        let config = read(&[("TOKEN_SERVER_SECRET", "s"), key]).unwrap();
        assert_eq!((config.listen.to_string().as_str(), config.key.0.as_str()), ("0.0.0.0:4100", "APIa"));
        assert_eq!(read(&[("AVANZACAST_DEV", "1")]).unwrap().listen.to_string(), "127.0.0.1:4100");
        for bad in [&[key][..], &[key, ("HOST", "127.0.0.1")], &[("AVANZACAST_DEV", "1"), ("HOST", "0.0.0.0")]] {
            assert!(read(bad).is_err_and(|error| error.contains("TOKEN_SERVER_SECRET")), "{bad:?}");
        }
    }

    #[test]
    fn every_mistake_is_listed_at_once() {
        let bad = [("NATS_URL", ""), ("NATS_TOKEN_SERVER_PASSWORD", ""), ("PUBLIC_URL", "b"), ("PORT", "x")];
        let error = read(&bad).err().unwrap();
        for name in ["NATS_URL", "NATS_TOKEN_SERVER", "PUBLIC_URL", "PORT", "LIVEKIT_KEYS", "TOKEN_SERVER_SECRET"] {
            assert!(error.contains(name), "{name}: {error}");
        }
    }
}
