//! What the tests of the private server share.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use avanzacast::nats_server::{PrivateServerOptions, locate};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// One program for all tests of this build, fetched once.
pub(crate) async fn program() -> PathBuf {
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("nats-server-cache");
    locate(&cache, &|_| {}).await.unwrap()
}

/// A server with a store and one user.
pub(crate) async fn options(dir: &Path) -> PrivateServerOptions {
    let config = "jetstream {}\nauthorization { users: [ { user: app, password: $APP_PASSWORD } ] }\n";
    PrivateServerOptions {
        program: program().await,
        dir: dir.to_owned(),
        config: config.to_owned(),
        environment: BTreeMap::from([("APP_PASSWORD".to_owned(), "s3cretWord".to_owned())]),
        port: None,
    }
}

/// Says something to a server, and answers all that it says within half a second.
pub(crate) async fn say(port: u16, words: &str) -> String {
    let mut connection = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    connection.write_all(words.as_bytes()).await.unwrap();
    let mut heard = Vec::new();
    let until_quiet = connection.read_to_end(&mut heard);
    drop(tokio::time::timeout(Duration::from_millis(500), until_quiet).await);
    String::from_utf8(heard).unwrap()
}

/// Whether a process runs; one that ended and was not waited for does not.
pub(crate) fn alive(pid: u32) -> bool {
    let listed = std::process::Command::new("ps").args(["-o", "stat=", "-p", &pid.to_string()]).output().unwrap();
    let state = String::from_utf8(listed.stdout).unwrap();
    !state.trim().is_empty() && !state.trim().starts_with('Z')
}

/// Kills without asking.
pub(crate) fn kill(pid: u32) {
    let pid = rustix::process::Pid::from_raw(pid.cast_signed()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}

/// Waits until something holds.
pub(crate) async fn eventually(what: &str, limit: Duration, holds: impl Fn() -> bool) {
    let until = Instant::now() + limit;
    while !holds() {
        assert!(Instant::now() < until, "not within {limit:?}: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
