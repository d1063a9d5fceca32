//! A server that outlived the process which started it (that one was killed) still has its files and its ports: the old
//! one has to end first. Two nats-servers on one store destroy it.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal};

use super::{Mark, POLL, PrivateServerError, Program};

/// How long a killed process may take to go away: it may be in the middle of a write.
const KILL_LIMIT: Duration = Duration::from_secs(5);

/// Ends every server that is like this one. The caller holds the directory's lock, so none has a living parent of ours.
pub(super) async fn reclaim<P: Program>(program: &P) -> Result<(), PrivateServerError> {
    let mark = program.mark();
    for pid in marked(&mark, program.pid_file()) {
        let raw = pid.as_raw_pid();
        tracing::warn!(server = P::NAME, pid = raw, "ending a server that an earlier process left behind");
        if !ended::<P>(pid, &mark).await {
            return Err(PrivateServerError::Orphan { name: P::NAME, pid: raw });
        }
    }
    Ok(())
}

async fn ended<P: Program>(pid: Pid, mark: &Mark) -> bool {
    for (signal, limit) in P::STOP.iter().chain(&[(Signal::KILL, KILL_LIMIT)]) {
        if end(pid, *signal, mark, *limit).await {
            return true;
        }
    }
    false
}

async fn end(pid: Pid, signal: Signal, mark: &Mark, limit: Duration) -> bool {
    let until = Instant::now() + limit;
    if let Err(error) = rustix::process::kill_process(pid, signal) {
        tracing::debug!(%error, "cannot signal the server left behind");
    }
    while has(pid, mark) {
        if Instant::now() >= until {
            return false;
        }
        tokio::time::sleep(POLL).await;
    }
    true
}

/// On Linux every process is looked at: one that was orphaned before it wrote its pid file counts as well.
#[cfg(target_os = "linux")]
fn marked(mark: &Mark, _pid_file: Option<&Path>) -> Vec<Pid> {
    let Ok(processes) = std::fs::read_dir("/proc") else { return Vec::new() };
    let pids = processes.flatten().filter_map(|entry| parse(entry.file_name().to_str()?));
    pids.filter(|pid| has(*pid, mark)).collect()
}

/// Elsewhere the pid file has to do.
#[cfg(not(target_os = "linux"))]
fn marked(mark: &Mark, pid_file: Option<&Path>) -> Vec<Pid> {
    let pid = pid_file.and_then(|file| std::fs::read_to_string(file).ok()).and_then(|text| parse(&text));
    pid.filter(|pid| has(*pid, mark)).into_iter().collect()
}

fn parse(text: &str) -> Option<Pid> {
    text.trim().parse().ok().and_then(Pid::from_raw)
}

/// Whether that process was started with the mark, as we start ours: a pid by itself may long be somebody else's. A process that ended and was not waited for has no arguments.
#[cfg(target_os = "linux")]
fn has(pid: Pid, mark: &Mark) -> bool {
    use std::os::unix::ffi::OsStrExt;
    let Ok(line) = std::fs::read(format!("/proc/{}/cmdline", pid.as_raw_pid())) else { return false };
    let arguments: Vec<&[u8]> = line.split(|byte| *byte == 0).collect();
    arguments.windows(2).any(|pair| pair == [mark.0.as_bytes(), mark.1.as_os_str().as_bytes()])
}

/// As on Linux, with the arguments as `ps` joins them.
#[cfg(not(target_os = "linux"))]
fn has(pid: Pid, mark: &Mark) -> bool {
    let pid = pid.as_raw_pid().to_string();
    let listed = std::process::Command::new("ps").args(["-ww", "-o", "command=", "-p", &pid]).output();
    let wanted = format!(" {} {} ", mark.0, mark.1.display());
    listed.is_ok_and(|output| format!("{} ", String::from_utf8_lossy(&output.stdout).trim()).contains(&wanted))
}
