//! Configuration: the environment is read here and nowhere else, all of it before anything binds, and every mistake
//! is listed at once.

mod access;
mod browsers;
mod bus;
mod database;
mod http;
mod livekit;
mod livekit_url;
mod metrics;
mod sessions;
mod variables;

pub use access::{AccessConfig, ApiKey, Door, Scope};
pub use browsers::{BrowserConfig, Origins};
pub use bus::BusConfig;
pub use database::DatabaseConfig;
pub use http::{HttpConfig, Links, RateConfig};
pub use livekit::LiveKitConfig;
pub use metrics::MetricsConfig;
pub use sessions::SessionLimits;
pub use variables::{ConfigError, Variables};

/// Whether unsafe conveniences are on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// LiveKit's published development key, this machine only.
    Development,
    /// Everything must be configured.
    Production,
}

impl Mode {
    /// The mode of a role started alone: production unless `AVANZACAST_DEV=1`, so that a typo fails closed.
    pub fn of_role(variables: &mut Variables) -> Self {
        if variables.flag("AVANZACAST_DEV") { Self::Development } else { Self::Production }
    }

    /// The mode of `up`: development when no LiveKit key is configured, or LiveKit's own development key is.
    pub fn of_up(variables: &mut Variables) -> Self {
        let key = variables.text("LIVEKIT_API_KEY");
        let dev = key.is_none_or(|key| key == livekit::DEV_KEY);
        if dev || variables.flag("AVANZACAST_DEV") { Self::Development } else { Self::Production }
    }
}
