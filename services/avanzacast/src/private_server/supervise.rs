//! Watching over the server: started again when it dies, stopped when asked.

use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};
use tokio::{process::Child, sync::watch};
use tokio_util::sync::CancellationToken;

use super::{PrivateServerError, Program, guard::Guard};

/// First and longest pause before it is started again. The first is short because clients wait meanwhile; the
/// longest keeps a server that cannot start from filling its log.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(5));

/// A server that lived this long did come up: its death is not one in a row.
const HEALTHY: Duration = Duration::from_secs(10);

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
pub(super) struct Supervisor<P> {
    pub(super) program: P,
    pub(super) port: u16,
    pub(super) phases: watch::Sender<Phase>,
    pub(super) stopping: CancellationToken,
}

/// A process, and who ends it when we can't.
#[derive(Debug)]
pub(super) struct Watched {
    pub(super) child: Child,
    pub(super) guard: Option<Guard>,
}

impl<P: Program> Supervisor<P> {
    /// Runs until a stop is asked for, or until it gives up.
    pub(super) async fn watch(self, mut watched: Watched) {
        let mut failures = 0;
        loop {
            let since = Instant::now();
            tokio::select! {
                () = self.stopping.cancelled() => return terminate::<P>(watched).await,
                status = watched.child.wait() => self.died(&status, since),
            }
            release(watched.guard).await;
            if since.elapsed() >= HEALTHY {
                failures = 0;
            }
            failures += 1;
            let Some(revived) = self.revive(&mut failures).await else { return };
            watched = revived;
        }
    }

    fn died(&self, status: &std::io::Result<std::process::ExitStatus>, since: Instant) {
        self.phases.send_replace(Phase::Down);
        let lived_ms = u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX);
        let log = self.program.log().display();
        tracing::error!(server = P::NAME, ?status, lived_ms, %log, "a private server died and is started again");
    }

    /// Starts it until it answers. `None` when a stop was asked for, or it failed too often.
    async fn revive(&self, failures: &mut u32) -> Option<Watched> {
        loop {
            if P::GIVE_UP.is_some_and(|most| *failures >= most) {
                tracing::error!(server = P::NAME, failures, "a private server does not stay up");
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
                    *failures = failures.saturating_add(1);
                    tracing::error!(server = P::NAME, %error, failures, "a private server did not start");
                }
            }
        }
    }

    /// One start; `None` when a stop was asked for meanwhile.
    async fn try_once(&self) -> Result<Option<Watched>, PrivateServerError> {
        let mut watched = start(&self.program, Some(self.port))?;
        let ready = tokio::select! {
            () = self.stopping.cancelled() => None,
            ready = self.program.ready(&mut watched.child) => Some(ready),
        };
        match ready {
            Some(Ok(port)) => {
                let pid = watched.child.id().unwrap_or_default();
                self.phases.send_replace(Phase::Up { pid });
                tracing::info!(server = P::NAME, pid, port, "a private server is back");
                Ok(Some(watched))
            }
            Some(Err(error)) => {
                terminate::<P>(watched).await;
                Err(error)
            }
            None => {
                terminate::<P>(watched).await;
                Ok(None)
            }
        }
    }
}

/// Starts the program, and whoever watches over it where it is to die with us.
pub(super) fn start<P: Program>(program: &P, port: Option<u16>) -> Result<Watched, PrivateServerError> {
    let child = program.spawn(port)?;
    let guard = child.id().filter(|_| P::DIES_WITH_US).and_then(|pid| {
        let guard = Guard::over(pid);
        guard.inspect_err(|error| tracing::warn!(server = P::NAME, %error, "nobody ends it should we be killed")).ok()
    });
    Ok(Watched { child, guard })
}

/// The pause after that many failures in a row: doubled each time.
fn back_off(failures: u32) -> Duration {
    let (first, longest) = BACK_OFF;
    let doubled = 2_u32.saturating_pow(failures.saturating_sub(1));
    first.saturating_mul(doubled).min(longest)
}

/// Ends it in order, and by force when that takes too long.
pub(super) async fn terminate<P: Program>(watched: Watched) {
    let Watched { mut child, guard } = watched;
    for (word, limit) in P::STOP {
        if let Some(pid) = child.id() {
            signal(pid, *word);
        }
        if tokio::time::timeout(*limit, child.wait()).await.is_ok() {
            return release(guard).await;
        }
    }
    tracing::warn!(server = P::NAME, "a private server did not end and is killed");
    if let Err(error) = child.kill().await {
        tracing::error!(server = P::NAME, %error, "cannot kill a private server");
    }
    release(guard).await;
}

async fn release(guard: Option<Guard>) {
    if let Some(guard) = guard {
        guard.release().await;
    }
}

/// Sends a signal to a child that has not been waited for; that it is gone already is no error.
pub(super) fn signal(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw)
        && let Err(error) = rustix::process::kill_process(pid, signal)
    {
        tracing::debug!(%error, "it is gone already");
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
