use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use async_nats::ConnectOptions;
use avanzacast::nats_server;
use avanzacast_schemas::bus::BusUser;
use rand::RngExt;
use rand::distr::Alphanumeric;
use rustix::process::Signal;
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

use crate::daemon::{Daemon, Stop};
use crate::port::free_port;

/// Recovery of its store included.
const START_LIMIT: Duration = Duration::from_secs(30);
const START_POLL: Duration = Duration::from_millis(10);
/// Nobody guesses it in a test; and nats.conf reads a password as configuration, so letters and digits only.
const PASSWORD_CHARACTERS: usize = 24;

/// Which bus to start.
#[derive(Debug, Clone)]
pub struct NatsOptions {
    /// Its configuration; the repository's own unless a test needs another. Address, port and store are given on
    /// the command line and win over it, except that it must not name a store: the server refuses to be told twice.
    pub config: PathBuf,
}

impl Default for NatsOptions {
    fn default() -> Self {
        Self { config: crate::workspace_root().join("nats.conf") }
    }
}

/// A nats-server on 127.0.0.1 with a store and passwords of its own.
#[derive(Debug)]
pub struct Nats {
    server: Mutex<Option<Daemon>>,
    options: NatsOptions,
    passwords: Vec<(BusUser, String)>,
    port: u16,
    folder: TempDir,
}

impl Nats {
    /// Whether a nats-server can be had, else how: for [`crate::require!`].
    ///
    /// # Errors
    /// What is missing.
    pub fn available() -> Result<(), String> {
        nats_program().map(drop)
    }

    /// Starts one.
    #[must_use]
    pub fn start(options: NatsOptions) -> Self {
        let folder = tempfile::Builder::new().prefix("avanzacast-nats-").tempdir().unwrap();
        let passwords = BusUser::ALL.map(|user| (user, password())).to_vec();
        let bus = Self { server: Mutex::new(None), options, passwords, port: free_port(), folder };
        bus.start_again();
        bus
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    /// `NATS_URL` and the user's password variable.
    #[must_use]
    pub fn environment(&self, user: BusUser) -> Vec<(String, String)> {
        vec![url_variable(self.addr()), (user.password_variable().to_owned(), self.password(user).to_owned())]
    }

    /// `NATS_URL` and everybody's password variable.
    #[must_use]
    pub fn environment_of_all(&self) -> Vec<(String, String)> {
        let passwords = self.passwords.iter().map(|(user, word)| (user.password_variable().to_owned(), word.clone()));
        [url_variable(self.addr())].into_iter().chain(passwords).collect()
    }

    /// The user's password.
    #[must_use]
    pub fn password(&self, user: BusUser) -> &str {
        self.passwords.iter().find(|(other, _)| *other == user).map(|(_, word)| word).expect("every user has one")
    }

    /// Connects as `user`.
    pub async fn connect(&self, user: BusUser) -> async_nats::Client {
        let options = ConnectOptions::with_user_and_password(user.name().to_owned(), self.password(user).to_owned())
            .custom_inbox_prefix(user.inbox_prefix());
        connect(options, format!("nats://{}", self.addr())).await
    }

    /// Deletes a stream as `admin`, as an operator by mistake would.
    pub async fn delete_stream(&self, name: &str) {
        let jetstream = async_nats::jetstream::new(self.connect(BusUser::Admin).await);
        jetstream.delete_stream(name).await.unwrap_or_else(|error| panic!("deleting {name}: {error}"));
    }

    /// SIGKILL.
    pub fn kill(&self) {
        self.lock().take().expect("the bus runs").kill();
    }

    /// SIGTERM, and wait for its end.
    pub fn stop(&self) {
        self.lock().take().expect("the bus runs").stop();
    }

    /// SIGSTOP: it hangs, its connections stay open.
    pub fn pause(&self) {
        self.lock().as_ref().expect("the bus runs").pause();
    }

    /// SIGCONT.
    pub fn resume(&self) {
        self.lock().as_ref().expect("the bus runs").signal(Signal::CONT);
    }

    /// Starts it on the same port and store, after [`Self::kill`] or [`Self::stop`].
    pub fn start_again(&self) {
        let mut server = self.lock();
        assert!(server.is_none(), "the bus runs already");
        let started = self.spawn();
        let deadline = Instant::now() + START_LIMIT;
        while !greets(self.addr()) {
            let why = started.output.lines();
            assert!(started.status().is_none() && Instant::now() < deadline, "nats-server does not start: {why:#?}");
            thread::sleep(START_POLL);
        }
        *server = Some(started);
    }

    /// What it keeps on disk.
    #[must_use]
    pub fn store(&self) -> &Path {
        self.folder.path()
    }

    fn spawn(&self) -> Daemon {
        let program = nats_program().unwrap_or_else(|missing| panic!("{missing}"));
        let mut command = Command::new(program);
        command.env_clear().envs(self.environment_of_all()).arg("--config").arg(&self.options.config);
        command.args(["--addr", "127.0.0.1", "--port", &self.port.to_string(), "--store_dir"]).arg(self.store());
        Daemon::spawn("nats-server", &mut command, Stop::TERMINATE)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Daemon>> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The nats-server that the product would start, found or fetched once per test program.
fn nats_program() -> Result<PathBuf, String> {
    static PROGRAM: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    PROGRAM.get_or_init(|| thread::spawn(find_nats).join().expect("looking for nats-server")).clone()
}

/// On a thread of its own: the caller's may be running a runtime already.
fn find_nats() -> Result<PathBuf, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let found = runtime.block_on(nats_server::locate(&nats_server::default_cache_dir(), &|line| eprintln!("{line}")));
    found.map_err(|error| error.to_string())
}

/// Connects, on a thread of its own: the bus gives up on whoever is silent for two seconds, and a test often blocks its
/// own thread for longer.
pub(crate) async fn connect(options: ConnectOptions, url: String) -> async_nats::Client {
    static CONNECTIONS: OnceLock<Runtime> = OnceLock::new();
    let runtime =
        CONNECTIONS.get_or_init(|| Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap());
    let connected = runtime.spawn(async move { options.connect(url).await }).await;
    connected.unwrap().unwrap_or_else(|error| panic!("connecting to the bus: {error}"))
}

fn url_variable(addr: SocketAddr) -> (String, String) {
    ("NATS_URL".to_owned(), format!("nats://{addr}"))
}

/// The server speaks first: `INFO {…}`.
fn greets(addr: SocketAddr) -> bool {
    let Ok(stream) = TcpStream::connect(addr) else { return false };
    let mut line = String::new();
    drop(stream.set_read_timeout(Some(START_LIMIT)));
    BufReader::new(stream).read_line(&mut line).is_ok() && line.starts_with("INFO ")
}

fn password() -> String {
    // It begins with a letter, because nats.conf takes what begins with a digit for a number.
    let rest = rand::rng().sample_iter(Alphanumeric).take(PASSWORD_CHARACTERS).map(char::from);
    std::iter::once('p').chain(rest).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Duration;

    use async_nats::jetstream;
    use avanzacast_schemas::bus::BusUser;
    use tempfile::TempDir;

    use super::{Nats, NatsOptions};

    /// What the harness needs of a configuration, and no more.
    const CONFIG: &str = "listen: \"127.0.0.1:4222\"\njetstream { sync_interval: always }\n\
                          authorization { users: [{ user: admin, password: $NATS_ADMIN_PASSWORD }] }\n";

    /// A bus, and the folder of its configuration.
    fn bus() -> (Nats, TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("nats.conf");
        fs::write(&config, CONFIG).unwrap();
        (Nats::start(NatsOptions { config }), folder)
    }

    async fn make_stream(bus: &Nats) -> jetstream::Context {
        let jetstream = jetstream::new(bus.connect(BusUser::Admin).await);
        let config = jetstream::stream::Config { name: "S".into(), subjects: vec!["s".into()], ..Default::default() };
        jetstream.create_stream(config).await.unwrap();
        jetstream.publish("s", "kept".into()).await.unwrap().await.unwrap();
        jetstream
    }

    #[tokio::test]
    async fn a_stream_survives_a_kill_and_can_be_deleted() {
        crate::require!(Nats::available());
        let (bus, _folder) = bus();
        drop(make_stream(&bus).await);
        bus.kill();
        bus.start_again();
        let jetstream = jetstream::new(bus.connect(BusUser::Admin).await);
        assert_eq!(jetstream.get_stream("S").await.unwrap().cached_info().state.messages, 1);
        bus.delete_stream("S").await;
        assert!(jetstream.get_stream("S").await.is_err());
        assert!(bus.store().join("jetstream").is_dir(), "the store is not where it was asked for");
    }

    #[tokio::test]
    async fn a_paused_bus_answers_when_resumed() {
        crate::require!(Nats::available());
        let (bus, _folder) = bus();
        let jetstream = make_stream(&bus).await;
        bus.pause();
        let asked = tokio::time::timeout(Duration::from_millis(300), jetstream.get_stream("S")).await;
        assert!(asked.is_err(), "a paused bus answers");
        bus.resume();
        assert!(jetstream.get_stream("S").await.is_ok());
    }
}
