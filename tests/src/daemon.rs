use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group, test_kill_process_group};

use crate::guard::Guard;
use crate::output::Output;

/// How long a process may take to stop when it is paused: a thread that writes to a disk first gets that done.
const PAUSE_LIMIT: Duration = Duration::from_secs(5);
/// How often the end of a process is looked for.
const POLL: Duration = Duration::from_millis(5);
/// How long a process may take to end when a test is over; then it is killed.
const STOP_LIMIT: Duration = Duration::from_secs(10);
/// How long the last lines of an ended process may be on their way.
const LAST_LINES_LIMIT: Duration = Duration::from_secs(1);

/// A running program in a process group of its own, with its output.
#[derive(Debug)]
pub(crate) struct Daemon {
    pub(crate) name: String,
    pub(crate) pid: Pid,
    pub(crate) output: Output,
    running: Mutex<Running>,
}

#[derive(Debug)]
struct Running {
    child: Child,
    status: Option<ExitStatus>,
    stop_signal: Signal,
    _guard: Guard,
}

/// What ends a program well, and what is removed when the test program dies before it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stop<'a> {
    pub(crate) signal: Signal,
    /// The same, as `kill -s` takes it.
    pub(crate) signal_name: &'a str,
    pub(crate) folder: Option<&'a Path>,
}

impl Stop<'_> {
    pub(crate) const TERMINATE: Self = Self { signal: Signal::TERM, signal_name: "TERM", folder: None };
}

impl Daemon {
    pub(crate) fn spawn(name: &str, command: &mut Command, stop: Stop<'_>) -> Self {
        command.process_group(0).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{name} does not start: {error}: {command:?}"));
        let pid = Pid::from_child(&child);
        let guard = Guard::over(pid, stop.signal_name, stop.folder);
        let output = Output::default();
        output.capture(child.stdout.take().expect("piped"));
        output.capture(child.stderr.take().expect("piped"));
        let running = Mutex::new(Running { child, status: None, stop_signal: stop.signal, _guard: guard });
        Self { name: name.to_owned(), pid, output, running }
    }

    /// How it ended, if it has.
    pub(crate) fn status(&self) -> Option<ExitStatus> {
        Self::look(&mut self.lock())
    }

    /// Sends a signal, unless the process has ended.
    pub(crate) fn signal(&self, signal: Signal) {
        // Locked, so that nobody reaps the process meanwhile and its number is still its own.
        let mut running = self.lock();
        if Self::look(&mut running).is_none() {
            let _ = kill_process(self.pid, signal);
        }
    }

    /// SIGSTOP, and waits until every thread has stopped: the signal is delivered to each in its own time, and until
    /// then a server goes on answering.
    pub(crate) fn pause(&self) {
        self.signal(Signal::STOP);
        let deadline = Instant::now() + PAUSE_LIMIT;
        while self.status().is_none() && !self.is_stopped() {
            assert!(Instant::now() < deadline, "{} does not stop", self.name);
            thread::sleep(POLL);
        }
    }

    /// Whether all its threads are in state `T` (proc(5), `stat`): the letter behind the name, which ends with `)`.
    fn is_stopped(&self) -> bool {
        let tasks = format!("/proc/{}/task", self.pid.as_raw_nonzero());
        let Ok(threads) = fs::read_dir(tasks) else { return false };
        threads.flatten().all(|thread| {
            let stat = fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
            stat.rsplit_once(") ").is_none_or(|(_, rest)| rest.starts_with('T'))
        })
    }

    /// Waits for its end.
    pub(crate) fn wait(&self, limit: Duration) -> Option<ExitStatus> {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(status) = self.status() {
                self.output.wait_for_end(LAST_LINES_LIMIT);
                return Some(status);
            }
            if Instant::now() >= deadline {
                return None;
            }
            thread::sleep(POLL);
        }
    }

    /// SIGKILL to the process alone, as a crash would have it: its children live on.
    pub(crate) fn kill(&self) {
        self.signal(Signal::KILL);
        self.wait(STOP_LIMIT).unwrap_or_else(|| panic!("{} survives SIGKILL", self.name));
    }

    /// Whether anything in its process group is alive, waited for a little.
    pub(crate) fn left_something_behind(&self) -> bool {
        let deadline = Instant::now() + LAST_LINES_LIMIT;
        while test_kill_process_group(self.pid).is_ok() {
            if Instant::now() >= deadline {
                return true;
            }
            thread::sleep(POLL);
        }
        false
    }

    /// Ends the process and whatever it left in its group.
    pub(crate) fn stop(&self) {
        let signal = self.lock().stop_signal;
        self.signal(signal);
        self.signal(Signal::CONT);
        if self.wait(STOP_LIMIT).is_none() {
            self.kill();
        }
        let _ = kill_process_group(self.pid, Signal::KILL);
    }

    fn look(running: &mut Running) -> Option<ExitStatus> {
        if running.status.is_none() {
            running.status = running.child.try_wait().ok().flatten();
        }
        running.status
    }

    fn lock(&self) -> MutexGuard<'_, Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.stop();
        if thread::panicking() {
            let lines = self.output.lines();
            eprintln!("---- {} (process {}), {} lines", self.name, self.pid, lines.len());
            lines.iter().for_each(|line| eprintln!("{line}"));
        }
    }
}
