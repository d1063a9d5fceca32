//! What every process needs: configuration, telemetry, shutdown, the bus and the cache.

pub mod bus;
pub mod checkup;
pub mod config;
pub mod connections;
pub mod folder;
pub mod host;
pub mod lifecycle;
pub mod metrics;
pub mod provision;
pub mod secret;
pub mod telemetry;
pub mod time;

pub use secret::Secret;
