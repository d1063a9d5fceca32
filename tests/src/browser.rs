//! Stories in a real browser: scripts in `tests/clients/browser` that drive Chromium, led from here a step at a time.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Pid;
use serde_json::{Value, json};

use crate::client_programs::{folder_of, node, node_available};
use crate::guard::Guard;
use crate::output::Output;
use crate::{Stack, livekit_client_available};

/// A step of a story; a browser beside a build takes its time.
const STEP_LIMIT: Duration = Duration::from_secs(120);
/// Debian's name for it first.
const PROGRAMS: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// A story under way. Dropped before its end, it is ended, and its browser with it.
#[derive(Debug)]
pub struct Story {
    name: String,
    child: Child,
    stdin: ChildStdin,
    output: Output,
    told: usize,
    _guard: Guard,
}

impl Story {
    /// Whether there is a browser here, and what drives it, for [`crate::require!`].
    ///
    /// # Errors
    /// What is missing.
    pub fn available() -> Result<(), String> {
        livekit_client_available()?;
        node_available()?;
        chromium().map(drop)
    }

    /// Begins `tests/clients/browser/<name>.mjs` at a backend; `facts` are what it knows besides. Its pictures are kept in
    /// the build's folder, under `screenshots`.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn begin(name: &str, stack: &Stack, facts: Value) -> Self {
        let mut command = node("browser", &format!("{name}.mjs"));
        command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("node starts");
        let guard = Guard::over(Pid::from_child(&child), "TERM", None);
        let output = Output::default();
        output.capture(child.stdout.take().expect("piped"));
        output.capture(child.stderr.take().expect("piped"));
        let stdin = child.stdin.take().expect("piped");
        let mut story = Self { name: name.to_owned(), child, stdin, output, told: 0, _guard: guard };
        let mut request = json!({
            "base": stack.api().base(),
            "secret": stack.secret(),
            "chromium": chromium().expect("looked for before"),
            "pictures": pictures(),
        });
        let all = request.as_object_mut().expect("an object");
        all.extend(facts.as_object().cloned().unwrap_or_default());
        story.tell(&request.to_string());
        story
    }

    /// Waits until the story says that it is there; what else it says.
    ///
    /// # Panics
    /// When it ends, fails, or gets nowhere in time.
    pub fn reached(&mut self, step: &str) -> Value {
        let said = self.next();
        assert_eq!(said["reached"], step, "{}: {said}", self.name);
        said
    }

    /// Lets it go on.
    pub fn go_on(&mut self) {
        self.tell("go on");
    }

    /// Waits for its end; what it found.
    ///
    /// # Panics
    /// As [`Self::reached`].
    #[must_use]
    pub fn end(mut self) -> Value {
        let said = self.next();
        said.get("ended").unwrap_or_else(|| panic!("{} has not ended: {said}", self.name)).clone()
    }

    fn next(&mut self) -> Value {
        let told = self.told;
        let count = std::cell::Cell::new(0);
        let said = self.output.wait(
            Instant::now() + STEP_LIMIT,
            |line| {
                let said: Value = serde_json::from_str(line).ok().filter(Value::is_object)?;
                count.set(count.get() + 1);
                (count.get() > told).then_some(said)
            },
            || true,
        );
        self.told += 1;
        said.unwrap_or_else(|| panic!("{}: it ended, or got nowhere\n{}", self.name, self.output.lines().join("\n")))
    }

    fn tell(&mut self, line: &str) {
        writeln!(self.stdin, "{line}").unwrap_or_else(|error| {
            panic!("{} does not listen: {error}\n{}", self.name, self.output.lines().join("\n"));
        });
    }
}

impl Drop for Story {
    /// The browser ends with the pipe that it is driven by.
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Where the pictures of pages are, after the tests.
fn pictures() -> PathBuf {
    folder_of("browser").with_file_name("screenshots")
}

fn chromium() -> Result<PathBuf, String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found =
        PROGRAMS.iter().find_map(|name| std::env::split_paths(&path).map(|dir| dir.join(name)).find(|p| p.is_file()));
    let found = found.ok_or("Chromium is not installed; on Debian: apt-get install chromium")?;
    let works =
        Command::new(&found).arg("--version").stdin(Stdio::null()).output().is_ok_and(|out| out.status.success());
    if works { Ok(found) } else { Err(format!("{} does not run", found.display())) }
}
