//! Being interrupted.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::commands::operator;

/// What a shell expects of whoever is interrupted: 128 and the number of SIGINT.
const INTERRUPTED: i32 = 130;

/// Is cancelled at the first SIGINT or SIGTERM. At the second the process ends where it is: whoever reads its output may
/// never take it.
pub(super) fn when_interrupted() -> CancellationToken {
    let token = CancellationToken::new();
    match (signal(SignalKind::interrupt()), signal(SignalKind::terminate())) {
        (Ok(mut interrupt), Ok(mut terminate)) => {
            let stop = token.clone();
            tokio::spawn(async move {
                for _ in 0..2 {
                    tokio::select! {
                        _ = interrupt.recv() => {}
                        _ = terminate.recv() => {}
                    }
                    if stop.is_cancelled() {
                        std::process::exit(INTERRUPTED);
                    }
                    stop.cancel();
                }
            });
        }
        // Then the system's own way is left as it is.
        (Err(error), _) | (_, Err(error)) => operator::say(&format!("signals are not heard: {error}")),
    }
    token
}
