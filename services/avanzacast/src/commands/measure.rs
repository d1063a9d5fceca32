//! The start of a process's measurements.

use avanzacast_kit::{
    config::MetricsConfig,
    lifecycle::Lifecycle,
    metrics::{self, Exposition},
};

use super::Failure;

/// Measures from now on, and serves it at `METRICS_ADDR`.
pub(crate) async fn start(config: &MetricsConfig, life: &Lifecycle) -> Result<Exposition, Failure> {
    let exposition = metrics::install(life)?;
    exposition.listen(config, life).await?;
    Ok(exposition)
}
