//! Running a program that is not ours: found by name, bounded in time, heard when it fails.

use std::{
    ffi::OsStr,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Output, Stdio},
    time::Duration,
};

use tokio::process::Command;

use crate::fetching::AttemptError;

/// How much of a program's complaint is worth repeating, bytes: its last lines, not a whole traceback.
const SAID: usize = 600;

/// Every program of that name in the directories of `path` (as in the variable PATH), first to last.
pub(crate) fn all_on(path: &OsStr, name: &str) -> Vec<PathBuf> {
    let places = std::env::split_paths(path).filter(|directory| !directory.as_os_str().is_empty());
    places.map(|directory| absolute(&directory.join(name))).filter(|program| executable(program)).collect()
}

/// The first program of that name.
pub(crate) fn first_on(path: &OsStr, name: &'static str) -> Result<PathBuf, AttemptError> {
    all_on(path, name).into_iter().next().ok_or(AttemptError::Missing(name))
}

pub(crate) fn executable(path: &Path) -> bool {
    path.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

/// Runs it to its end with nothing to read, and answers what it printed.
pub(crate) async fn run(command: &mut Command, limit: Duration) -> Result<Output, AttemptError> {
    let program = command.as_std().get_program().display().to_string();
    command.stdin(Stdio::null()).kill_on_drop(true);
    let Ok(ended) = tokio::time::timeout(limit, command.output()).await else {
        return Err(AttemptError::Slow { program, limit });
    };
    let output = ended?;
    if output.status.success() {
        return Ok(output);
    }
    Err(AttemptError::Failed { program, said: format!("{} ({})", tail(&output.stderr, SAID), output.status) })
}

fn tail(text: &[u8], most: usize) -> String {
    on_one_line(text.get(text.len().saturating_sub(most)..).unwrap_or_default())
}

/// What a program said, fit for one log line.
pub(crate) fn on_one_line(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" / ")
}

/// The same file named from the root, so that it means the same in another working directory.
pub(crate) fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
