//! Where a reader's stream goes: a body that is sent as fast as it is taken, and a connection that is cut when it is not.

use std::time::Duration;

use avanzacast_kit::{connections::Hangup, lifecycle::Lifecycle};
use axum::{body::Body, http::Version};
use bytes::Bytes;
use tokio::{
    sync::mpsc,
    time::{error::Elapsed, timeout},
};

use super::frame;

/// Pieces that wait for one reader at most: of some 64 KiB, or a page of the ledger. More is not read until they are
/// taken.
const WAITING: usize = 2;
/// Whoever takes nothing for so long is not reading.
const STALLED: Duration = Duration::from_secs(10);
/// How long a stream may take to end when the process does.
const ENDING: Duration = Duration::from_secs(1);

/// Why a stream ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// Its reader has gone.
    Left,
    /// Its reader takes nothing.
    Stalled,
    /// Events are missing, and the record does not answer.
    Missing,
    /// The reader is further than the ledger, which ends here.
    Ahead(u64),
    /// The process ends.
    Stopping,
}

/// The sending end.
#[derive(Debug)]
pub(super) struct Outlet {
    pieces: mpsc::Sender<Bytes>,
    hangup: Option<Hangup>,
    version: Version,
}

impl Outlet {
    /// A body, and what fills it.
    pub(super) fn new(life: &Lifecycle, hangup: Option<Hangup>, version: Version) -> (Self, Body) {
        let (pieces, waiting) = mpsc::channel::<Bytes>(WAITING);
        let stream = futures::stream::unfold((waiting, life.stopping()), |(mut waiting, stopping)| async move {
            // At the end of the process what waits is not sent: whoever comes back gets it.
            let piece = stopping.run_until_cancelled(waiting.recv()).await.flatten();
            piece.map(|piece| (Ok::<_, std::convert::Infallible>(piece), (waiting, stopping)))
        });
        (Self { pieces, hangup, version }, Body::from_stream(stream))
    }

    /// Sends a piece, when there is room.
    pub(super) async fn send(&self, piece: Bytes) -> Result<(), Ended> {
        match timeout(STALLED, self.pieces.send(piece)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(Ended::Left),
            Err(Elapsed { .. }) => Err(Ended::Stalled),
        }
    }

    /// Returns when the reader has gone.
    pub(super) async fn closed(&self) {
        self.pieces.closed().await;
    }

    /// Ends the stream.
    pub(super) async fn end(self, ended: Ended) {
        match ended {
            Ended::Left => {}
            Ended::Missing => self.remark("events are missing, and the record is away").await,
            Ended::Ahead(end) => {
                let text = format!("the ledger ends at {end}, before the place that this stream has reached");
                self.remark(&text).await;
            }
            Ended::Stalled => {
                tracing::info!(stalled_s = STALLED.as_secs(), "a reader of events was cut off: it takes nothing");
                // Over HTTP/2 others share the connection; there the stream gets nothing more, and costs nothing.
                if self.version < Version::HTTP_2 {
                    self.hang_up();
                }
            }
            Ended::Stopping => {
                if timeout(ENDING, self.pieces.closed()).await.is_err() {
                    self.hang_up();
                }
            }
        }
    }

    /// The last words; whether they are taken does not matter any more.
    async fn remark(&self, text: &str) {
        self.send(frame::remark(text)).await.unwrap_or_default();
    }

    fn hang_up(&self) {
        if let Some(hangup) = &self.hangup {
            hangup.now();
        }
    }
}
