//! Events at the moment they are relayed, for whoever watches: a plain subscription, which costs the server nothing
//! that stays. What is lost on the way is not repeated: each event says its place, so its reader notices.

use async_nats::Subscriber;
use avanzacast_schemas::bus::subject;
use bytes::Bytes;
use futures::StreamExt;

use super::Bus;

/// The bus did not take the subscription.
#[derive(Debug, thiserror::Error)]
#[error("events cannot be watched")]
pub struct WatchRefused(#[source] async_nats::SubscribeError);

/// Events as they come; dropped, nothing is sent here any more.
#[derive(Debug)]
pub struct LiveEvents(Subscriber);

impl LiveEvents {
    /// Begins to watch. Whatever is asked over the same connection after this is answered after the server knows.
    ///
    /// # Errors
    /// A closed connection.
    pub async fn start(bus: &Bus) -> Result<Self, WatchRefused> {
        let all = format!("{}>", subject::EVENT_PREFIX);
        bus.client().subscribe(all).await.map(Self).map_err(WatchRefused)
    }

    /// The next event's bytes; `None` when the connection is closed for good.
    pub async fn next(&mut self) -> Option<Bytes> {
        self.0.next().await.map(|message| message.payload)
    }
}
