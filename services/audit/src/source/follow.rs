//! Lines as they are appended: the stream is waited at, the ledger is asked again and again.

use std::time::Duration;

use tokio::{sync::mpsc, time::sleep};

use super::{AHEAD, BATCH, Kind, Line, Source, SourceError};

/// How often the ledger is asked whether it has grown.
const POLL: Duration = Duration::from_millis(250);
/// How long to wait before something is asked again that was away.
const AWAY: Duration = Duration::from_secs(1);

type Batches = mpsc::Receiver<Result<Vec<Line>, SourceError>>;

/// Follows it until nobody listens. What is away is waited for; that it has lost what was there is an error.
pub(super) fn follow(mut source: Source, from: u64) -> Batches {
    let (give, lines) = mpsc::channel(AHEAD);
    tokio::spawn(async move {
        let (mut next, mut given, mut away) = (from, 0, false);
        while !give.is_closed() {
            match source.more(next - 1, given).await {
                Ok(batch) => {
                    away = false;
                    if let Some((place, _)) = batch.last() {
                        (given, next) = (*place, place + 1);
                    }
                    if !batch.is_empty() && give.send(Ok(batch)).await.is_err() {
                        return;
                    }
                }
                Err(error @ (SourceError::Stream(_) | SourceError::Ledger(_))) => {
                    if !std::mem::replace(&mut away, true) {
                        tracing::warn!(%error, "it cannot be read now, and will be tried again");
                    }
                    sleep(AWAY).await;
                }
                Err(error) => {
                    drop(give.send(Err(error)).await);
                    return;
                }
            }
        }
    });
    lines
}

impl Source {
    /// What follows a place; nothing, when nothing has come for a while.
    async fn more(&mut self, place: u64, given: u64) -> Result<Vec<Line>, SourceError> {
        if place >= self.last() {
            match &mut self.0 {
                Kind::Stream(window) => window.look_again().await?,
                Kind::Ledger(ledger) => ledger.look_again().await?,
            }
        }
        let last = self.last();
        // What is to come may be asked for before it is there; what was there must not be gone.
        if given > last {
            return Err(SourceError::Shrunk { place: given, last });
        }
        match &mut self.0 {
            Kind::Stream(window) => window.wait(place, BATCH).await,
            Kind::Ledger(_) if place >= last => {
                sleep(POLL).await;
                Ok(Vec::new())
            }
            Kind::Ledger(ledger) => ledger.after(place, BATCH).await,
        }
    }
}
