//! Where measurements are read.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::{Mode, Variables};

/// Only this machine, at the port that Prometheus' own exporters begin with.
const DEFAULT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9464);

/// Where a process serves `GET /metrics`, apart from anything else that it serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MetricsConfig {
    /// The address; port 0 takes a free one. `None`: nowhere.
    pub listen: Option<SocketAddr>,
    /// Whether somebody asked for this address: then it must be had.
    pub explicit: bool,
}

impl MetricsConfig {
    /// Reads `METRICS_ADDR`: an address, or `off`. Unset (or empty, as with every variable) it is 127.0.0.1:9464 in
    /// production; in development the edge serves it on its own address, and there is no other.
    pub fn read(variables: &mut Variables, mode: Mode) -> Self {
        let unasked = match mode {
            Mode::Development => None,
            Mode::Production => Some(DEFAULT),
        };
        match variables.text("METRICS_ADDR").as_deref() {
            None => Self { listen: unasked, explicit: false },
            Some("off") => Self { listen: None, explicit: true },
            Some(_) => {
                let listen = variables.parse("METRICS_ADDR", DEFAULT, "address:port (127.0.0.1:9464), or off");
                Self { listen: Some(listen), explicit: true }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &str, mode: Mode) -> Option<MetricsConfig> {
        let mut variables = Variables::from_map([("METRICS_ADDR".to_owned(), value.to_owned())].into());
        let config = MetricsConfig::read(&mut variables, mode);
        variables.finish().ok().map(|()| config)
    }

    #[test]
    fn an_address_that_is_asked_for_is_not_a_default() {
        let read = |value| read(value, Mode::Production);
        assert_eq!(read(""), Some(MetricsConfig { listen: Some(DEFAULT), explicit: false }));
        assert_eq!(read("off"), Some(MetricsConfig { listen: None, explicit: true }));
        assert_eq!(read("127.0.0.1:9464"), Some(MetricsConfig { listen: Some(DEFAULT), explicit: true }));
        assert_eq!(read("[::1]:0").and_then(|config| config.listen), "[::1]:0".parse().ok());
        for wrong in ["9464", "localhost:9464", "none", "127.0.0.1"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn in_development_only_what_is_asked_for() {
        assert_eq!(read("", Mode::Development).and_then(|config| config.listen), None);
        assert_eq!(read("127.0.0.1:0", Mode::Development).map(|config| config.explicit), Some(true));
    }
}
