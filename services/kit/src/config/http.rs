//! Where the edge listens, and what its links look like.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use avanzacast_schemas::SessionId;

use super::{Mode, Variables};

/// Where the edge listens.
#[derive(Debug, Clone)]
pub struct HttpConfig {
    /// `HOST` and `PORT`; port 0 takes a free one.
    pub listen: SocketAddr,
}

impl HttpConfig {
    /// Reads `HOST` (development 127.0.0.1, production 0.0.0.0) and `PORT` (4000).
    pub fn read(variables: &mut Variables, mode: Mode) -> Self {
        let default = match mode {
            Mode::Development => IpAddr::V4(Ipv4Addr::LOCALHOST),
            Mode::Production => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        };
        let host = variables.parse("HOST", default, "an IP address, for example 127.0.0.1");
        let port = variables.parse("PORT", 4000, "a port from 0 to 65535");
        if mode == Mode::Development && !host.is_loopback() && !variables.flag("AVANZACAST_DEV") {
            variables.problem(
                "HOST is not this machine alone, and no LiveKit key is configured: set LIVEKIT_API_KEY and \
                 LIVEKIT_API_SECRET, or AVANZACAST_DEV=1 if everybody who reaches this address may mint tokens",
            );
        }
        Self { listen: SocketAddr::new(host, port) }
    }
}

/// How often a client may ask without a credential; 0 is as often as it likes.
#[derive(Debug, Clone, Copy)]
pub struct RateConfig {
    /// `RATE_LIMIT_PER_MINUTE`: anything.
    pub per_minute: u32,
    /// `RATE_LIMIT_UNKNOWN_PER_MINUTE`: for sessions that do not exist.
    pub unknown_per_minute: u32,
}

impl RateConfig {
    /// Reads both; switched off together by `RATE_LIMIT_PER_MINUTE=0` unless the second says otherwise.
    pub fn read(variables: &mut Variables) -> Self {
        let per_minute = variables.number("RATE_LIMIT_PER_MINUTE", 600, 0..=RATE_MAX);
        let unknown = if per_minute == 0 { 0 } else { 60 };
        let unknown_per_minute = variables.number("RATE_LIMIT_UNKNOWN_PER_MINUTE", unknown, 0..=RATE_MAX);
        Self { per_minute, unknown_per_minute }
    }
}

/// Beyond a million a second a limit is none.
const RATE_MAX: u32 = 60_000_000;

/// Where the links in an answer point to. Never built from a request.
#[derive(Debug, Clone)]
pub struct Links {
    studio: String,
    panel: String,
}

impl Links {
    /// Reads `VITE_STUDIO_URL`, `VITE_BROADCASTPANEL_URL` and `PUBLIC_URL` (our own pages, when one of the two is
    /// unset; development: `http://localhost:<port>`).
    pub fn read(variables: &mut Variables, mode: Mode, port: u16) -> Self {
        let studio = absolute(variables, "VITE_STUDIO_URL");
        let panel = absolute(variables, "VITE_BROADCASTPANEL_URL");
        let public = absolute(variables, "PUBLIC_URL");
        if mode == Mode::Production && public.is_none() && (studio.is_none() || panel.is_none()) {
            variables.problem("PUBLIC_URL is required when VITE_STUDIO_URL or VITE_BROADCASTPANEL_URL is unset");
        }
        let public = public.unwrap_or_else(|| format!("http://localhost:{port}"));
        Self {
            studio: studio.unwrap_or_else(|| format!("{public}/studio")),
            panel: panel.unwrap_or_else(|| format!("{public}/panel")),
        }
    }

    /// Where the participant goes.
    #[must_use]
    pub fn studio(&self, id: &SessionId) -> String {
        link(&self.studio, id)
    }

    /// Where the broadcast panel shows the session.
    #[must_use]
    pub fn panel(&self, id: &SessionId) -> String {
        link(&self.panel, id)
    }
}

fn absolute(variables: &mut Variables, name: &str) -> Option<String> {
    let url = variables.text(name)?;
    if !url.starts_with("http://") && !url.starts_with("https://") {
        variables.problem(format!("{name} must begin with http:// or https://"));
    }
    Some(url.trim_end_matches('/').to_owned())
}

fn link(base: &str, id: &SessionId) -> String {
    if base.contains("{id}") { base.replace("{id}", id.as_str()) } else { format!("{base}/{id}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_take_the_id_at_the_end_or_where_they_say() {
        let mut variables = Variables::from_map(
            [("VITE_STUDIO_URL", "https://s.example/"), ("VITE_BROADCASTPANEL_URL", "https://p.example/?s={id}#x")]
                .map(|(k, v)| (k.to_owned(), v.to_owned()))
                .into(),
        );
        let links = Links::read(&mut variables, Mode::Production, 0);
        let id = SessionId::try_from("abcd".to_owned()).unwrap();
        assert_eq!(links.studio(&id), "https://s.example/abcd");
        assert_eq!(links.panel(&id), "https://p.example/?s=abcd#x");
        variables.finish().unwrap();
    }
}
