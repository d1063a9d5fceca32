//! Watching over the server: started again when it dies, stopped when asked.

use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};
use tokio::{process::Child, sync::watch};
use tokio_util::sync::CancellationToken;

use super::launch::Launch;

/// How long the server may take to end after SIGTERM: it writes out what its store still holds in memory.
pub(super) const STOP_LIMIT: Duration = Duration::from_secs(10);

/// First and longest pause before it is started again. The first is short because clients wait meanwhile; the
/// longest keeps a server that cannot start from filling its log.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(5));

/// A server that lived this long did come up: its death is not one in a row.
const HEALTHY: Duration = Duration::from_secs(10);

/// Failures in a row before the process is told: half a minute in all, after which somebody has to look.
const GIVE_UP: u32 = 10;

/// How the server is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Phase {
    /// Answers.
    Up {
        /// The process id.
        pid: u32,
    },
    /// Died, is to be started again.
    Down,
    /// Died too often.
    GivenUp {
        /// How often in a row.
        failures: u32,
    },
}

/// What the supervising task knows.
#[derive(Debug)]
pub(super) struct Supervisor {
    pub(super) launch: Launch,
    pub(super) port: u16,
    pub(super) phases: watch::Sender<Phase>,
    pub(super) stopping: CancellationToken,
}

impl Supervisor {
    /// Runs until a stop is asked for, or until it gives up.
    pub(super) async fn watch(self, mut child: Child) {
        let mut failures = 0;
        loop {
            let since = Instant::now();
            tokio::select! {
                () = self.stopping.cancelled() => return terminate(&mut child).await,
                status = child.wait() => self.died(&status, since),
            }
            if since.elapsed() >= HEALTHY {
                failures = 0;
            }
            failures += 1;
            let Some(revived) = self.revive(&mut failures).await else { return };
            child = revived;
        }
    }

    fn died(&self, status: &std::io::Result<std::process::ExitStatus>, since: Instant) {
        self.phases.send_replace(Phase::Down);
        let lived_ms = u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX);
        let log = self.launch.log().display();
        tracing::error!(?status, lived_ms, %log, "nats-server died and is started again");
    }

    /// Starts it until it answers. `None` when a stop was asked for, or it failed too often.
    async fn revive(&self, failures: &mut u32) -> Option<Child> {
        loop {
            if *failures >= GIVE_UP {
                tracing::error!(failures, "nats-server does not stay up");
                self.phases.send_replace(Phase::GivenUp { failures: *failures });
                return None;
            }
            tokio::select! {
                () = self.stopping.cancelled() => return None,
                () = tokio::time::sleep(back_off(*failures)) => {}
            }
            match self.try_once().await {
                Ok(revived) => return revived,
                Err(error) => {
                    *failures += 1;
                    tracing::error!(%error, failures, "nats-server did not start");
                }
            }
        }
    }

    /// One start; `None` when a stop was asked for meanwhile.
    async fn try_once(&self) -> Result<Option<Child>, super::PrivateServerError> {
        let mut child = self.launch.spawn(Some(self.port))?;
        let ready = tokio::select! {
            () = self.stopping.cancelled() => None,
            ready = self.launch.ready(&mut child) => Some(ready),
        };
        match ready {
            Some(Ok(port)) => {
                let pid = child.id().unwrap_or_default();
                self.phases.send_replace(Phase::Up { pid });
                tracing::info!(pid, port, "nats-server is back");
                Ok(Some(child))
            }
            Some(Err(error)) => {
                terminate(&mut child).await;
                Err(error)
            }
            None => {
                terminate(&mut child).await;
                Ok(None)
            }
        }
    }
}

/// The pause after that many failures in a row: doubled each time.
fn back_off(failures: u32) -> Duration {
    let (first, longest) = BACK_OFF;
    let doubled = 2_u32.saturating_pow(failures.saturating_sub(1));
    first.saturating_mul(doubled).min(longest)
}

/// Ends it in order, and by force when that takes too long.
async fn terminate(child: &mut Child) {
    if let Some(pid) = child.id() {
        signal(pid, Signal::TERM);
    }
    if tokio::time::timeout(STOP_LIMIT, child.wait()).await.is_ok() {
        return;
    }
    tracing::warn!(limit_s = STOP_LIMIT.as_secs(), "nats-server did not end and is killed");
    if let Err(error) = child.kill().await {
        tracing::error!(%error, "cannot kill nats-server");
    }
}

/// Sends a signal to a child that has not been waited for; that it is gone already is no error.
pub(super) fn signal(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw)
        && let Err(error) = rustix::process::kill_process(pid, signal)
    {
        tracing::debug!(%error, "nats-server is gone already");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let pauses: Vec<_> = (1..=7).map(|failures| back_off(failures).as_millis()).collect();
        assert_eq!(pauses, [200, 400, 800, 1600, 3200, 5000, 5000]);
        assert_eq!(back_off(u32::MAX), BACK_OFF.1);
    }
}
