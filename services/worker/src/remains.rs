//! What was deleted is to be nowhere. SQLite overwrites it in its file, but the log beside the file keeps the pages as they
//! were until they are written over, which on a quiet day may take long: so the log is emptied again and again.

use std::time::Duration;

use avanzacast_kit::lifecycle::Lifecycle;
use tokio_util::sync::CancellationToken;

use crate::store::Store;

/// How often: somebody was told that they are forgotten.
const INTERVAL: Duration = Duration::from_secs(3);
/// How soon again, when somebody was reading.
const AGAIN: Duration = Duration::from_millis(500);

/// Leaves no remains, for as long as the process lives. A server keeps its own log.
pub fn leave_no_remains(store: Store, life: &Lifecycle) {
    if store.is_file() {
        life.essential("emptying the database's log", run(store, life.stopping()));
    }
}

async fn run(store: Store, stopping: CancellationToken) {
    while !stopping.is_cancelled() {
        let pause = match store.empty_log().await {
            Ok(true) => INTERVAL,
            Ok(false) => AGAIN,
            Err(error) => {
                tracing::debug!(%error, "the database's log is emptied later");
                INTERVAL
            }
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = stopping.cancelled() => {}
        }
    }
}
