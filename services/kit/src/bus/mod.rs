//! The bus: the only module of the project that speaks NATS.
//!
//! The edge uses [`Caller`], [`CacheReader`] and [`Inlet`]; workers use [`serve`], [`Intake`], [`CacheWriter`] and
//! [`EventsStream`]; an operator [`DeadStream`]; a minter of somebody else's [`Outsider`].

mod advisories;
mod cache;
mod call;
mod checkup;
mod dead_letters;
mod delivery;
mod events;
mod inlet;
mod intake;
mod live;
mod outsider;
mod reader;
mod roll_call;
mod serve;
mod strays;

use std::time::Duration;

use async_nats::{Client, ConnectOptions, Event, connection::State, jetstream};
use tokio::sync::watch;

pub use self::{
    advisories::watch_advisories,
    cache::{CacheReader, CacheWriteFailed, CacheWriter},
    call::{Caller, DEADLINE, Request, Unanswered},
    checkup::{bucket, consumer, server, shown, streams, visit},
    dead_letters::{DeadError, DeadLetter, DeadLetters, DeadStream, Redriven, veil},
    delivery::{Delivery, Reply, Settlement},
    events::{EventsError, EventsStream, EventsTail, RunRefused},
    inlet::{Incoming, Inlet},
    intake::Intake,
    live::{LiveEvents, WatchRefused},
    outsider::Outsider,
    reader::{EventsRead, EventsReader},
    roll_call::Present,
    serve::{ServeError, Served, announce, serve},
    strays::{pushed, stranded},
};
use crate::{config::BusConfig, metrics};

/// How often we ask the server whether it lives; two unanswered questions and the connection is made anew. The
/// library's default of a minute would leave a caller behind a dead server for two.
const PING_INTERVAL: Duration = Duration::from_secs(5);
/// For a handshake, which on a loaded machine can take longer than a request.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// For calls to the server itself (stream information and the like).
const SERVER_TIMEOUT: Duration = Duration::from_secs(2);

/// For the last messages of a process.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
/// What [`Bus::connections`] says after the end.
const CLOSED: u64 = u64::MAX;

/// The bus could not be reached or refused us.
#[derive(Debug, thiserror::Error)]
#[error("the bus at {url} cannot be used as {user}")]
pub struct ConnectError {
    url: String,
    user: &'static str,
    #[source]
    source: async_nats::ConnectError,
}

/// A connection to the bus, as one of its users.
#[derive(Debug, Clone)]
pub struct Bus {
    client: Client,
    jetstream: jetstream::Context,
    connections: watch::Receiver<u64>,
}

impl Bus {
    /// Connects. A server that is away is waited for, in the background: see [`Bus::is_connected`].
    ///
    /// # Errors
    /// An address that cannot be one.
    pub async fn connect(config: &BusConfig, name: &str) -> Result<Self, ConnectError> {
        let (connected, connections) = watch::channel(0);
        let user = config.user.name();
        metrics::bus_up(user, false);
        let client =
            ConnectOptions::with_user_and_password(config.user.name().to_owned(), config.password.reveal().to_owned())
                .name(name)
                .custom_inbox_prefix(config.user.inbox_prefix())
                .ping_interval(PING_INTERVAL)
                .connection_timeout(CONNECT_TIMEOUT)
                .request_timeout(Some(SERVER_TIMEOUT))
                .retry_on_initial_connect()
                .event_callback(move |event| {
                    note(&event, &connected, user);
                    std::future::ready(())
                })
                .connect(config.url.split(',').map(str::to_owned).collect::<Vec<_>>())
                .await
                .map_err(|source| ConnectError { url: config.url.clone(), user: config.user.name(), source })?;
        let mut jetstream = jetstream::new(client.clone());
        jetstream.set_timeout(SERVER_TIMEOUT);
        Ok(Self { client, jetstream, connections })
    }

    /// Whether the server answers at the moment.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.client.connection_state() == State::Connected
    }

    /// Counts connections made: it changes when the server was away.
    #[must_use]
    pub fn connections(&self) -> watch::Receiver<u64> {
        self.connections.clone()
    }

    /// The context for calls about streams.
    #[must_use]
    pub fn jetstream(&self) -> &jetstream::Context {
        &self.jetstream
    }

    /// Sends what is still in our own buffers, and leaves; for the end of a process, when all work is done.
    pub async fn close(&self) {
        if self.is_connected()
            && let Err(error) = self.client.drain().await
        {
            tracing::warn!(%error, "the bus did not take the last messages");
        }
        drop(tokio::time::timeout(CLOSE_TIMEOUT, self.connections.clone().wait_for(|count| *count == CLOSED)).await);
    }

    fn client(&self) -> &Client {
        &self.client
    }
}

/// A denied permission shows nowhere else: a publish succeeds, a request times out.
fn note(event: &Event, connected: &watch::Sender<u64>, user: &'static str) {
    match event {
        Event::Connected => {
            connected.send_modify(|count| *count += 1);
            metrics::bus_up(user, true);
            tracing::info!("bus connected");
        }
        Event::Disconnected => {
            metrics::bus_up(user, false);
            tracing::warn!("bus disconnected");
        }
        Event::SlowConsumer(subscription) => tracing::error!(subscription, "messages were dropped: too slow"),
        Event::ServerError(error) => tracing::error!(%error, "the bus refused"),
        Event::ClientError(error) => tracing::warn!(%error, "bus client error"),
        Event::Closed => {
            connected.send_replace(CLOSED);
        }
        Event::LameDuckMode | Event::Draining => tracing::debug!(%event, "bus"),
    }
}
