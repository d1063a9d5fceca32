//! Ends a server when this process dies without having done so: killed, it runs nothing of its own any more.
//!
//! A small shell waits on a pipe whose other end only this process holds, and the system closes that end whatever this
//! process dies of.

use std::{io, process::Stdio};

use tokio::{
    io::AsyncWriteExt,
    process::{ChildStdin, Command},
};

/// A line says that the server has ended by other means, and the end of the pipe that nobody is left to end it.
const SCRIPT: &str = "read -r _ || kill -s KILL -- \"$1\"";

/// The shell that waits. Dropped, it ends the server.
#[derive(Debug)]
pub(super) struct Guard {
    pipe: ChildStdin,
}

impl Guard {
    /// Watches over a process.
    pub(super) fn over(pid: u32) -> io::Result<Self> {
        let mut command = Command::new("sh");
        command.args(["-c", SCRIPT, "avanzacast-guard", &pid.to_string()]).env_clear();
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        // What a terminal says to us is not meant for it: it has to outlive us.
        let mut shell = command.process_group(0).spawn()?;
        let pipe = shell.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
        Ok(Self { pipe })
    }

    /// The server has ended: nobody else may be taken for it.
    pub(super) async fn release(mut self) {
        if let Err(error) = self.pipe.write_all(b"done\n").await {
            tracing::debug!(%error, "the guard is gone already");
        }
    }
}
