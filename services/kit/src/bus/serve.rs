//! The answering side: a NATS service whose requests wait in one bounded queue.

use async_nats::service::{Service, ServiceExt};
use avanzacast_schemas::Code;
use futures::{StreamExt, stream::select_all};
use tokio::sync::mpsc::{self, error::TrySendError};

use super::{Bus, Delivery};
use crate::lifecycle::Lifecycle;

/// The service could not be announced.
#[derive(Debug, thiserror::Error)]
#[error("the service {name} could not be announced on the bus")]
pub struct ServeError {
    name: &'static str,
    #[source]
    source: async_nats::Error,
}

/// A running service; dropped, it leaves the queue group.
#[derive(Debug)]
pub struct Served {
    _service: Service,
}

/// Says that a service of this name is there, which nobody asks anything but that.
///
/// # Errors
/// A closed connection.
pub async fn announce(bus: &Bus, name: &'static str) -> Result<Served, ServeError> {
    Ok(Served { _service: start(bus, name).await.map_err(|source| ServeError { name, source })? })
}

async fn start(bus: &Bus, name: &'static str) -> Result<Service, async_nats::Error> {
    bus.client().service_builder().queue_group(name).start(name, env!("CARGO_PKG_VERSION")).await
}

/// Joins the queue group `name` on the given subjects. Requests go into `queue`; when it is full they are answered
/// "busy" at once. Ends when the process stops taking work.
///
/// # Errors
/// A closed connection.
pub async fn serve(
    bus: &Bus,
    name: &'static str,
    subjects: &[&'static str],
    queue: mpsc::Sender<Delivery>,
    life: &Lifecycle,
) -> Result<Served, ServeError> {
    let failed = |source| ServeError { name, source };
    let service = start(bus, name).await.map_err(failed)?;
    let mut endpoints = Vec::with_capacity(subjects.len());
    for subject in subjects {
        let endpoint = service.endpoint_builder().name(subject.replace('.', "-")).queue_group(name);
        endpoints.push(endpoint.add(*subject).await.map_err(failed)?);
    }
    let mut requests = select_all(endpoints);
    let stopping = life.stopping();
    life.essential("serving requests", async move {
        loop {
            let request = tokio::select! {
                request = requests.next() => request,
                () = stopping.cancelled() => break,
            };
            let Some(delivery) = request.map(Delivery::request) else { break };
            let Some(delivery) = delivery else { continue };
            match queue.try_send(delivery) {
                Ok(()) => {}
                Err(TrySendError::Full(delivery)) => delivery.refuse(Code::Busy).await,
                Err(TrySendError::Closed(_)) => break,
            }
        }
    });
    Ok(Served { _service: service })
}
