//! The private nats-server, with the real program: found or fetched, started, killed, reclaimed, stopped.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod nats_server_support;

use std::{path::Path, time::Duration};

use avanzacast::nats_server::{PrivateServer, PrivateServerError};
use nats_server_support::{alive, eventually, kill, options, program, say};
use tempfile::TempDir;

/// Set for the process that [`a_server_left_behind_by_a_killed_process_ends_before_a_new_one_starts`] kills.
const VICTIM_DIR: &str = "AVANZACAST_TEST_VICTIM_DIR";

#[tokio::test]
async fn it_answers_the_password_from_the_environment_and_no_other() {
    let dir = TempDir::new().unwrap();
    let server = PrivateServer::start(options(dir.path()).await).await.unwrap();
    assert_eq!(server.url(), format!("nats://127.0.0.1:{}", server.port()));
    let right = say(server.port(), "CONNECT {\"user\":\"app\",\"pass\":\"s3cretWord\"}\r\nPING\r\n").await;
    assert!(right.starts_with("INFO {") && right.contains("PONG"), "{right}");
    let wrong = say(server.port(), "CONNECT {\"user\":\"app\",\"pass\":\"other\"}\r\nPING\r\n").await;
    assert!(wrong.contains("Authorization Violation") && !wrong.contains("PONG"), "{wrong}");
    assert!(dir.path().join("store/jetstream").is_dir());
    server.stop().await;
}

#[tokio::test]
async fn stop_leaves_no_process_and_frees_the_directory() {
    let dir = TempDir::new().unwrap();
    let server = PrivateServer::start(options(dir.path()).await).await.unwrap();
    let (pid, failed) = (server.pid().unwrap(), server.failed());
    server.stop().await;
    assert!(!alive(pid));
    let log = std::fs::read_to_string(dir.path().join("nats-server.log")).unwrap();
    assert!(log.contains("Server Exiting"), "it was not asked to end: {log}");
    assert!(tokio::time::timeout(Duration::from_millis(200), failed).await.is_err(), "a stop is no failure");
    let again = PrivateServer::start(options(dir.path()).await).await.unwrap();
    again.stop().await;
}

#[tokio::test]
async fn dropping_it_leaves_no_process() {
    let dir = TempDir::new().unwrap();
    let server = PrivateServer::start(options(dir.path()).await).await.unwrap();
    let pid = server.pid().unwrap();
    drop(server);
    eventually("the process ends", Duration::from_secs(5), || !alive(pid)).await;
}

#[tokio::test]
async fn killed_it_comes_back_on_the_same_port() {
    let dir = TempDir::new().unwrap();
    let server = PrivateServer::start(options(dir.path()).await).await.unwrap();
    let (mut pid, port) = (server.pid().unwrap(), server.port());
    for _ in 0..2 {
        kill(pid);
        eventually("another process", Duration::from_secs(10), || server.pid().is_some_and(|new| new != pid)).await;
        pid = server.pid().unwrap();
        assert!(alive(pid));
        assert!(say(port, "").await.starts_with("INFO {"));
    }
    server.stop().await;
    assert!(!alive(pid));
}

#[tokio::test]
async fn it_does_not_hear_the_terminal_that_its_parent_hears() {
    let dir = TempDir::new().unwrap();
    let server = PrivateServer::start(options(dir.path()).await).await.unwrap();
    let pid = rustix::process::Pid::from_raw(server.pid().unwrap().cast_signed());
    let theirs = rustix::process::getpgid(pid).unwrap();
    assert_eq!(Some(theirs), pid);
    assert_ne!(theirs, rustix::process::getpgid(None).unwrap());
    server.stop().await;
}

#[tokio::test]
async fn a_directory_takes_one_server() {
    let dir = TempDir::new().unwrap();
    let server = PrivateServer::start(options(dir.path()).await).await.unwrap();
    let pid = server.pid();
    let second = PrivateServer::start(options(dir.path()).await).await;
    assert!(matches!(second, Err(PrivateServerError::InUse(_))), "{second:?}");
    assert_eq!(server.pid(), pid, "the first was disturbed");
    assert!(say(server.port(), "").await.starts_with("INFO {"));
    server.stop().await;
}

#[tokio::test]
async fn a_server_left_behind_by_a_killed_process_ends_before_a_new_one_starts() {
    let dir = TempDir::new().unwrap();
    program().await;
    let mut victim = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "the_process_that_is_killed"])
        .env(VICTIM_DIR, dir.path())
        .spawn()
        .unwrap();
    let ready = dir.path().join("ready");
    eventually("its server runs", Duration::from_secs(20), || ready.exists()).await;
    victim.kill().unwrap();
    victim.wait().unwrap();
    let orphan = read_pid(dir.path());
    assert!(alive(orphan), "a killed parent takes no child along: nothing to reclaim");
    let server = PrivateServer::start(options(dir.path()).await).await.unwrap();
    assert!(!alive(orphan), "two servers on one store");
    assert!(server.pid().is_some_and(|pid| pid != orphan && alive(pid)));
    server.stop().await;
}

/// Not a test by itself: the process above, which starts a server and never stops it.
#[tokio::test]
#[ignore = "started by another test, in a process of its own"]
async fn the_process_that_is_killed() {
    let Some(dir) = std::env::var_os(VICTIM_DIR) else { return };
    let _server = PrivateServer::start(options(Path::new(&dir)).await).await.unwrap();
    std::fs::write(Path::new(&dir).join("ready"), "").unwrap();
    tokio::time::sleep(Duration::from_secs(60)).await;
}

#[tokio::test]
async fn a_process_that_only_has_the_same_id_is_left_alone() {
    let dir = TempDir::new().unwrap();
    let mut stranger = std::process::Command::new("sleep").arg("60").spawn().unwrap();
    std::fs::write(dir.path().join("nats-server.pid"), stranger.id().to_string()).unwrap();
    let server = PrivateServer::start(options(dir.path()).await).await.unwrap();
    assert!(stranger.try_wait().unwrap().is_none(), "killed");
    server.stop().await;
    stranger.kill().unwrap();
    stranger.wait().unwrap();
}

#[tokio::test]
async fn a_mistake_in_the_configuration_is_told_without_the_secret() {
    let dir = TempDir::new().unwrap();
    let mut wrong = options(dir.path()).await;
    // nats-server reads it as a number, and quotes it.
    wrong.environment.insert("APP_PASSWORD".to_owned(), "99999999999999999999".to_owned());
    let error = PrivateServer::start(wrong).await.unwrap_err();
    assert!(matches!(error, PrivateServerError::Ended { .. }), "{error}");
    assert!(error.to_string().contains("out of the range"), "it says what is wrong: {error}");
    assert!(!error.to_string().contains("99999999999999999999"), "{error}");
    let mut missing = options(dir.path()).await;
    missing.environment.clear();
    let error = PrivateServer::start(missing).await.unwrap_err();
    assert!(error.to_string().contains("APP_PASSWORD"), "{error}");
}

/// Half a minute, since it is the real patience that is tried.
#[tokio::test]
async fn one_that_cannot_come_back_is_reported() {
    let dir = TempDir::new().unwrap();
    let mut mortal = options(dir.path()).await;
    let copy = dir.path().join("mortal");
    std::os::unix::fs::symlink(&mortal.program, &copy).unwrap();
    mortal.program = copy.clone();
    let server = PrivateServer::start(mortal).await.unwrap();
    std::fs::remove_file(copy).unwrap();
    kill(server.pid().unwrap());
    let failure = tokio::time::timeout(Duration::from_secs(60), server.failed()).await.unwrap();
    assert!(matches!(failure, PrivateServerError::GaveUp { failures: 10, .. }), "{failure}");
    assert_eq!(server.pid(), None);
    server.stop().await;
}

fn read_pid(dir: &Path) -> u32 {
    std::fs::read_to_string(dir.join("nats-server.pid")).unwrap().trim().parse().unwrap()
}
