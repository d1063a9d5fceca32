//! Measurements, in Prometheus' text format.
//!
//! The binary calls [`install`] once, before anything is measured: a measurement made earlier, or in a program that
//! never installs (a test), goes nowhere and costs next to nothing. What is on a path that thousands of requests per
//! second take is kept as a handle, so that measuring is an addition and not a search by name.

mod audit;
mod described;
mod http;
mod listener;
mod meters;
mod reactor;
mod room;

use std::time::Duration;

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

pub use self::{
    audit::{audit_checkpoint, audit_refuses},
    http::request,
    listener::MetricsAddressRefused,
    meters::{BatchMeter, EdgeMeters, LostMeters, QueueMeter, WorkerMeters, bus_up, edge, lost, worker},
    reactor::{reactor_position, reactor_waits},
    room::{RoomMeters, room},
};
use crate::lifecycle::Lifecycle;

/// How often samples are added up when nobody reads them: until then each takes memory, 16 bytes.
const UPKEEP: Duration = Duration::from_secs(2);

/// There is a recorder already, or its settings cannot be.
#[derive(Debug, thiserror::Error)]
#[error("measurements cannot be taken")]
pub struct InstallError(#[source] Box<dyn std::error::Error + Send + Sync>);

impl From<BuildError> for InstallError {
    fn from(error: BuildError) -> Self {
        Self(error.into())
    }
}

/// What has been measured, for whoever asks.
#[derive(Debug, Clone)]
pub struct Exposition(PrometheusHandle);

/// Installs the recorder of this process, describes every measurement, and adds samples up from time to time.
///
/// # Errors
/// A second call in one process.
pub fn install(life: &Lifecycle) -> Result<Exposition, InstallError> {
    let mut builder = PrometheusBuilder::new();
    for (name, buckets) in described::BUCKETS {
        builder = builder.set_buckets_for_metric(Matcher::Full((*name).to_owned()), buckets)?;
    }
    let recorder = builder.build_recorder();
    let exposition = Exposition(recorder.handle());
    metrics::set_global_recorder(recorder).map_err(|error| InstallError(error.to_string().into()))?;
    described::describe();
    let upkeep = exposition.0.clone();
    life.background(async move {
        loop {
            tokio::time::sleep(UPKEEP).await;
            upkeep.run_upkeep();
        }
    });
    Ok(exposition)
}

impl Exposition {
    /// All of it as text (<https://prometheus.io/docs/instrumenting/exposition_formats/>, version 0.0.4).
    #[must_use]
    pub fn render(&self) -> String {
        self.0.render()
    }
}

/// The media type of [`Exposition::render`]'s text.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";
