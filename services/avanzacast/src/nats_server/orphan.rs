//! A nats-server that outlived the process which started it (that one was killed) still writes to the store: two
//! servers on one store destroy it, so the old one has to end first.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal};

use super::{
    private::{POLL, PrivateServerError},
    supervise::STOP_LIMIT,
};

/// How long a killed process may take to go away: it may be in the middle of a write.
const KILL_LIMIT: Duration = Duration::from_secs(5);

/// Ends every server that runs on that store. The caller holds the directory's lock, so none has a living parent
/// of ours.
pub(super) async fn reclaim(store: &Path, pid_file: &Path) -> Result<(), PrivateServerError> {
    for pid in servers_on(store, pid_file) {
        tracing::warn!(pid = pid.as_raw_pid(), "ending a nats-server that an earlier process left behind");
        let ended = end(pid, Signal::TERM, store, STOP_LIMIT).await || end(pid, Signal::KILL, store, KILL_LIMIT).await;
        if !ended {
            return Err(PrivateServerError::Orphan { pid: pid.as_raw_pid() });
        }
    }
    Ok(())
}

async fn end(pid: Pid, signal: Signal, store: &Path, limit: Duration) -> bool {
    let until = Instant::now() + limit;
    if let Err(error) = rustix::process::kill_process(pid, signal) {
        tracing::debug!(%error, "cannot signal the nats-server left behind");
    }
    while serves(pid, store) {
        if Instant::now() >= until {
            return false;
        }
        tokio::time::sleep(POLL).await;
    }
    true
}

/// On Linux every process is looked at: one that was orphaned before it wrote its pid file counts as well.
#[cfg(target_os = "linux")]
fn servers_on(store: &Path, _pid_file: &Path) -> Vec<Pid> {
    let Ok(processes) = std::fs::read_dir("/proc") else { return Vec::new() };
    let pids = processes.flatten().filter_map(|entry| parse(entry.file_name().to_str()?));
    pids.filter(|pid| serves(*pid, store)).collect()
}

/// Elsewhere the pid file has to do.
#[cfg(not(target_os = "linux"))]
fn servers_on(store: &Path, pid_file: &Path) -> Vec<Pid> {
    let pid = std::fs::read_to_string(pid_file).ok().and_then(|text| parse(&text));
    pid.filter(|pid| serves(*pid, store)).into_iter().collect()
}

fn parse(text: &str) -> Option<Pid> {
    text.trim().parse().ok().and_then(Pid::from_raw)
}

/// Whether that process was started with `-sd <store>`, as we start nats-server: a pid by itself may long be
/// somebody else's. A process that ended and was not waited for has no arguments.
#[cfg(target_os = "linux")]
fn serves(pid: Pid, store: &Path) -> bool {
    use std::os::unix::ffi::OsStrExt;
    let Ok(line) = std::fs::read(format!("/proc/{}/cmdline", pid.as_raw_pid())) else { return false };
    let arguments: Vec<&[u8]> = line.split(|byte| *byte == 0).collect();
    arguments.windows(2).any(|pair| pair == [b"-sd".as_slice(), store.as_os_str().as_bytes()])
}

/// As on Linux, with the arguments as `ps` joins them.
#[cfg(not(target_os = "linux"))]
fn serves(pid: Pid, store: &Path) -> bool {
    let pid = pid.as_raw_pid().to_string();
    let listed = std::process::Command::new("ps").args(["-ww", "-o", "command=", "-p", &pid]).output();
    let wanted = format!(" -sd {} ", store.display());
    listed.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains(&wanted))
}
