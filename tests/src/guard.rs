//! Ends a process when the test program dies without having done so itself.
//!
//! A value in a `static` is never dropped, and a test program may be killed; so a small shell waits on a pipe whose
//! other end only the test program holds, and the kernel closes that end whatever the test program dies of.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::process::Pid;

/// `$1` the process, leader of its group; `$2` the signal it ends well on; `$3` a folder to remove, or nothing.
/// Five seconds, because that is how long PostgreSQL may take to stop at once on a busy machine.
const SCRIPT: &str = r#"
if read -r _; then exit 0; fi
kill -s CONT -- "-$1"; kill -s "$2" -- "$1"
tries=0
while kill -s 0 -- "$1" && [ "$tries" -lt 50 ]; do tries=$((tries + 1)); sleep 0.1; done
kill -s KILL -- "-$1"
if [ -n "$3" ]; then rm -rf -- "$3"; fi
"#;

/// The shell that waits.
#[derive(Debug)]
pub(crate) struct Guard(Child);

impl Guard {
    /// Watches over `process`; `folder` goes when the guard has to act.
    pub(crate) fn over(process: Pid, signal: &str, folder: Option<&Path>) -> Self {
        let child = Command::new("sh")
            .args(["-c", SCRIPT, "guard", &process.as_raw_nonzero().to_string(), signal])
            .arg(folder.unwrap_or(Path::new("")))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // An interrupt at the terminal is meant for the test program, not for who cleans up after it.
            .process_group(0)
            .spawn()
            .expect("sh starts");
        Self(child)
    }
}

impl Drop for Guard {
    /// The process was ended by who started it: the guard goes without doing anything.
    fn drop(&mut self) {
        if let Some(mut stdin) = self.0.stdin.take() {
            drop(stdin.write_all(b"done\n"));
        }
        drop(self.0.wait());
    }
}
