use std::ffi::OsString;
use std::net::SocketAddr;
use std::process::{Command, ExitStatus};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

use crate::daemon::{Daemon, Stop};

/// How long a process may take to log what a test waits for, on a busy machine and with a nats-server to start.
const LOG_LIMIT: Duration = Duration::from_secs(30);
/// How long a process may take to end by itself or when told to.
const END_LIMIT: Duration = Duration::from_secs(40);

/// What to start, with an environment of nothing but `PATH` and `HOME` and what is given.
#[derive(Debug)]
pub struct Launch {
    name: String,
    command: Command,
}

impl Launch {
    /// The product in one of its roles, `["up"]` for instance; without LiveKit's client for browsers, which each new
    /// folder of data would have fetched anew.
    #[must_use]
    pub fn product(arguments: &[&str]) -> Self {
        let name = arguments.first().copied().unwrap_or("avanzacast");
        Self::program(crate::binary(), arguments).named(name).env("LIVEKIT_CLIENT", "off")
    }

    /// Any program.
    #[must_use]
    pub fn program(program: impl Into<OsString>, arguments: &[&str]) -> Self {
        let program = program.into();
        let mut command = Command::new(&program);
        command.args(arguments).env_clear();
        for kept in ["PATH", "HOME"] {
            command.envs(std::env::var_os(kept).map(|value| (kept, value)));
        }
        Self { name: program.to_string_lossy().into_owned(), command }
    }

    /// What to call it when its logs are printed.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }

    /// One more environment variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.command.env(name, value.into());
        self
    }

    /// More environment variables.
    #[must_use]
    pub fn envs(mut self, variables: impl IntoIterator<Item = (String, String)>) -> Self {
        self.command.envs(variables);
        self
    }

    /// Starts it.
    #[must_use]
    pub fn start(mut self) -> Process {
        let daemon = Daemon::spawn(&self.name, &mut self.command, Stop::TERMINATE);
        Process { daemon: Arc::new(daemon), may_end: Arc::default(), forbidden: Mutex::default() }
    }
}

/// A process that a test started. Dropped, it is ended; if it had ended before without being told to, or logged
/// something forbidden, the test fails.
#[derive(Debug)]
pub struct Process {
    daemon: Arc<Daemon>,
    may_end: Arc<AtomicBool>,
    forbidden: Mutex<Vec<String>>,
}

impl Process {
    /// The first log line with this message, waited for up to 30 s: its fields and `message` in one object.
    ///
    /// # Panics
    /// When there is none in time, or the process ends first.
    pub fn wait_for_log(&self, message: &str) -> Value {
        self.find_log(message, LOG_LIMIT)
            .unwrap_or_else(|| panic!("{} does not log {message:?}; status {:?}", self.daemon.name, self.status()))
    }

    /// As [`Self::wait_for_log`], with a limit, and `None` when it passes.
    #[must_use]
    pub fn find_log(&self, message: &str, limit: Duration) -> Option<Value> {
        let wanted = |line: &str| log_line(line).filter(|log| log.get("message").is_some_and(|found| found == message));
        self.daemon.output.wait(Instant::now() + limit, wanted, || self.status().is_some())
    }

    /// The address that it says it listens on.
    ///
    /// # Panics
    /// When it does not say so in time.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        let log = self.wait_for_log("listening");
        let addr = log.get("addr").and_then(Value::as_str).and_then(|addr| addr.parse().ok());
        addr.unwrap_or_else(|| panic!("no address in {log}"))
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> i32 {
        self.daemon.pid.as_raw_nonzero().get()
    }

    /// What it wrote so far, both streams, line by line.
    #[must_use]
    pub fn logs(&self) -> Vec<String> {
        self.daemon.output.lines()
    }

    /// How it ended, if it has.
    #[must_use]
    pub fn status(&self) -> Option<ExitStatus> {
        self.daemon.status()
    }

    /// SIGKILL, and wait for its end.
    pub fn kill9(&self) {
        self.may_end.store(true, Ordering::SeqCst);
        self.daemon.kill();
    }

    /// [`Self::kill9`] for another thread: the action of a [`crate::Proxy`]'s trap.
    pub fn killer(&self) -> impl FnOnce() + Send + 'static {
        // Weak, so that a trap that never springs does not keep the process.
        let (daemon, may_end) = (Arc::downgrade(&self.daemon), Arc::clone(&self.may_end));
        move || {
            may_end.store(true, Ordering::SeqCst);
            if let Some(daemon) = daemon.upgrade() {
                daemon.kill();
            }
        }
    }

    /// [`Self::pause`] for another thread: the action of a [`crate::Proxy`]'s trap.
    pub fn pauser(&self) -> impl FnOnce() + Send + 'static {
        let daemon = Arc::downgrade(&self.daemon);
        move || {
            if let Some(daemon) = daemon.upgrade() {
                daemon.pause();
            }
        }
    }

    /// SIGSTOP: it hangs, its connections stay open.
    pub fn pause(&self) {
        self.daemon.pause();
    }

    /// SIGCONT.
    pub fn resume(&self) {
        self.daemon.signal(Signal::CONT);
    }

    /// SIGTERM, and how it ended.
    ///
    /// # Panics
    /// When it has not ended after 40 s, or leaves processes behind.
    pub fn terminate(&self) -> ExitStatus {
        self.may_end.store(true, Ordering::SeqCst);
        self.daemon.signal(Signal::TERM);
        let status = self.wait();
        assert!(!self.daemon.left_something_behind(), "{} leaves processes behind", self.daemon.name);
        status
    }

    /// Waits for it to end by itself: a command, or a start that has to fail.
    ///
    /// # Panics
    /// When it has not ended after 40 s.
    pub fn wait(&self) -> ExitStatus {
        self.may_end.store(true, Ordering::SeqCst);
        self.daemon.wait(END_LIMIT).unwrap_or_else(|| panic!("{} does not end", self.daemon.name))
    }

    /// From now until it is dropped, nothing that it wrote or writes may contain this.
    pub fn forbid_in_logs(&self, secret: &str) {
        assert!(!secret.is_empty(), "everything contains the empty text");
        self.forbidden.lock().unwrap().push(secret.to_owned());
    }

    fn assert_quiet(&self) {
        let lines = self.logs();
        for secret in self.forbidden.lock().unwrap().iter() {
            let leak = lines.iter().find(|line| line.contains(secret));
            assert!(leak.is_none(), "{} logs the secret {secret:?}: {leak:?}", self.daemon.name);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // A second panic would end the test program and hide the first.
        if thread::panicking() {
            return;
        }
        let ended = self.status().filter(|_| !self.may_end.load(Ordering::SeqCst));
        self.daemon.stop();
        let logs = || self.logs().join("\n");
        assert!(ended.is_none(), "{} ended by itself: {ended:?}\n{}", self.daemon.name, logs());
        self.assert_quiet();
    }
}

/// A JSON log line as one object, its fields flattened or under `fields`.
fn log_line(line: &str) -> Option<Value> {
    let mut log: Value = serde_json::from_str(line).ok()?;
    let object = log.as_object_mut()?;
    if let Some(Value::Object(fields)) = object.remove("fields") {
        object.extend(fields);
    }
    Some(log)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Launch, Process};

    fn shell(script: &str) -> Process {
        Launch::program("sh", &["-c", script]).start()
    }

    #[test]
    fn log_lines_are_found_with_their_fields_flat_or_nested() {
        let process = shell(
            r#"echo '{"message":"listening","addr":"127.0.0.1:1"}' >&2
               echo not json; echo '{"fields":{"message":"ready","n":2}}'; sleep 60"#,
        );
        assert_eq!(process.addr().port(), 1);
        assert_eq!(process.wait_for_log("ready")["n"], 2);
        assert!(process.find_log("never", Duration::from_millis(50)).is_none());
        assert_eq!(process.logs().len(), 3);
    }

    #[test]
    fn the_environment_is_only_what_is_given() {
        let process = Launch::program("env", &[]).env("GIVEN", "1").start();
        assert!(process.wait().success());
        let names: Vec<String> = process.logs().iter().map(|line| line.split('=').next().unwrap().to_owned()).collect();
        assert!(names.contains(&"GIVEN".to_owned()), "{names:?}");
        assert!(!names.iter().any(|name| name.starts_with("CARGO")), "{names:?}");
    }

    #[test]
    fn it_is_told_to_end_and_says_how_it_did() {
        let process = shell("trap 'exit 7' TERM; echo '{\"message\":\"ready\"}'; while :; do sleep 0.01; done");
        process.wait_for_log("ready");
        assert_eq!(process.terminate().code(), Some(7));
        shell("sleep 60").kill9();
        let killed = shell("sleep 60");
        std::thread::spawn(killed.killer()).join().unwrap();
        assert!(killed.status().is_some());
    }

    #[test]
    fn paused_it_does_nothing() {
        let process = shell("sleep 0.3; echo '{\"message\":\"ready\"}'; sleep 60");
        process.pause();
        assert!(process.find_log("ready", Duration::from_millis(600)).is_none());
        process.resume();
        process.wait_for_log("ready");
    }

    #[test]
    #[should_panic(expected = "ended by itself")]
    fn an_end_that_nobody_asked_for_fails_the_test() {
        let process = shell("exit 3");
        while process.status().is_none() {
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    #[test]
    #[should_panic(expected = "logs the secret")]
    fn a_secret_in_the_logs_fails_the_test() {
        let process = shell("echo the hunter2 is out; sleep 60");
        process.forbid_in_logs("hunter2");
        while process.logs().is_empty() {
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    #[test]
    #[should_panic(expected = "leaves processes behind")]
    fn what_is_left_behind_fails_the_test() {
        let process =
            shell("sleep 60 & echo '{\"message\":\"ready\"}'; trap 'exit 0' TERM; while :; do sleep 0.01; done");
        process.wait_for_log("ready");
        // Only the shell is told; its child in the background goes on.
        process.terminate();
    }
}
