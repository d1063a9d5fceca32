//! Two-stage shutdown: first stop taking work and finish what is in hand, then stop.

use std::{future::Future, time::Duration};

use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// How long work in hand may take to finish after a stop was asked for: one command's deadline of 5 s, and a margin.
pub const GRACE: Duration = Duration::from_secs(8);

/// A process's life: tasks register here, and learn here that it ends.
#[derive(Debug, Clone, Default)]
pub struct Lifecycle {
    soft: CancellationToken,
    tasks: TaskTracker,
    failed: CancellationToken,
}

impl Lifecycle {
    /// A new life.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Fires when no new work may be taken.
    #[must_use]
    pub fn stopping(&self) -> CancellationToken {
        self.soft.clone()
    }

    /// Asks everything to stop.
    pub fn stop(&self) {
        self.soft.cancel();
    }

    /// Runs a task that must live as long as the process: should it end before a stop was asked for, the process
    /// stops and exits with failure.
    pub fn essential(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let life = self.clone();
        // A panic in the task drops the guard, which is how it is noticed.
        let guard = DeadTask { name, life };
        self.tasks.spawn(async move {
            let guard = guard;
            task.await;
            drop(guard);
        });
    }

    /// Runs a task that is needed until the very end, and is dropped then.
    pub fn background(&self, task: impl Future<Output = ()> + Send + 'static) {
        tokio::spawn(task);
    }

    /// A new life that ends on Ctrl-C, on SIGTERM and when its terminal is closed, also while everything is only starting.
    ///
    /// # Errors
    /// The system has no signals to hear.
    pub fn until_signal() -> std::io::Result<Self> {
        let (life, signal) = (Self::new(), signals()?);
        let soft = life.soft.clone();
        life.background(async move {
            signal.await;
            tracing::info!("stopping");
            soft.cancel();
        });
        Ok(life)
    }

    /// Waits until a stop is asked for (a signal, or a task that died), then for the tasks, at most [`GRACE`].
    /// Answers whether the end was clean.
    pub async fn run(self) -> bool {
        self.soft.cancelled().await;
        self.tasks.close();
        let finished = tokio::time::timeout(GRACE, self.tasks.wait()).await.is_ok();
        if !finished {
            tracing::error!(grace_s = GRACE.as_secs(), "work in hand did not finish in time");
        }
        finished && !self.failed.is_cancelled()
    }
}

struct DeadTask {
    name: &'static str,
    life: Lifecycle,
}

impl Drop for DeadTask {
    fn drop(&mut self) {
        if !self.life.soft.is_cancelled() {
            tracing::error!(task = self.name, "a task ended that should not");
            self.life.failed.cancel();
            self.life.soft.cancel();
        }
    }
}

/// Ctrl-C, SIGTERM, and a terminal that is closed, heard from the moment this returns.
#[cfg(unix)]
fn signals() -> std::io::Result<impl Future<Output = ()> + Send + 'static> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let mut hangup = if survives_its_terminal() { None } else { Some(signal(SignalKind::hangup())?) };
    Ok(async move {
        let hung_up = async {
            match &mut hangup {
                Some(hangup) => drop(hangup.recv().await),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            () = hung_up => {}
        }
    })
}

/// Whether SIGHUP is ignored, as `nohup` wants it: who hears it anyway would end. Where that cannot be seen, it is left as it
/// is.
#[cfg(unix)]
fn survives_its_terminal() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    // The lowest bit is the first signal, and that is this one.
    ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_none_or(|mask| mask & 1 == 1)
}

/// Ctrl-C.
#[cfg(not(unix))]
fn signals() -> std::io::Result<impl Future<Output = ()> + Send + 'static> {
    Ok(async { drop(tokio::signal::ctrl_c().await) })
}
