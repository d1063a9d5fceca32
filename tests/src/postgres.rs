use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tempfile::TempDir;

use crate::daemon::{Daemon, Stop};
use crate::port::free_port;
use crate::postgres_program::Programs;

/// Recovery after a kill included.
const START_LIMIT: Duration = Duration::from_secs(60);
/// A fast shutdown writes a checkpoint.
const STOP_LIMIT: Duration = Duration::from_secs(60);
/// After a kill, the server's children hold its memory for a moment, and it refuses to start until they are gone.
const START_AGAIN_PAUSE: Duration = Duration::from_millis(100);

/// How a cluster differs from what PostgreSQL does by itself.
#[derive(Debug, Clone)]
pub struct PostgresOptions {
    /// Sync to disk, as the promises under test need it (default); without, tests that promise nothing are faster.
    pub fsync: bool,
    /// More settings, as `postgres -c` takes them: `("log_statement", "all")`.
    pub settings: Vec<(&'static str, String)>,
}

impl Default for PostgresOptions {
    fn default() -> Self {
        Self { fsync: true, settings: Vec::new() }
    }
}

/// A private PostgreSQL cluster on 127.0.0.1, user `postgres`, no password.
#[derive(Debug)]
pub struct Postgres {
    server: Mutex<Option<Daemon>>,
    programs: Programs,
    options: PostgresOptions,
    port: u16,
    folder: TempDir,
}

impl Postgres {
    /// Whether PostgreSQL is installed, else how to install it: for [`crate::require!`].
    ///
    /// # Errors
    /// What is missing.
    pub fn available() -> Result<(), String> {
        Programs::find().map(drop)
    }

    /// A new cluster with PostgreSQL's own settings.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(PostgresOptions::default())
    }

    /// A new cluster.
    #[must_use]
    pub fn start_with(options: PostgresOptions) -> Self {
        let programs = Programs::find().unwrap_or_else(|missing| panic!("{missing}"));
        let folder = tempfile::Builder::new().prefix("avanzacast-postgres-").tempdir().unwrap();
        programs.hand_over(folder.path());
        let cluster = Self { server: Mutex::new(None), programs, options, port: free_port(), folder };
        cluster.init();
        cluster.start_again();
        cluster
    }

    /// The cluster that the tests of one test program share; each makes a database of its own. Never stop it.
    #[must_use]
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Postgres> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// What `DATABASE_URL` is for a database of this cluster.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        Self::url_via(self.addr(), database)
    }

    /// The same through a proxy at `addr`.
    #[must_use]
    pub fn url_via(addr: SocketAddr, database: &str) -> String {
        format!("postgres://postgres@{addr}/{database}")
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    /// Makes an empty database and gives its URL.
    pub fn create_database(&self, name: &str) -> String {
        self.query("postgres", &format!("CREATE DATABASE \"{name}\""));
        self.url(name)
    }

    /// Makes `to` what `from` is now, as a restored backup is. Who is connected to `from` is thrown out.
    pub fn copy_database(&self, from: &str, to: &str) -> String {
        // A template must have no connections, and a service reconnects at once.
        self.query("postgres", &format!("ALTER DATABASE \"{from}\" ALLOW_CONNECTIONS false"));
        self.query(
            "postgres",
            &format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{from}'"),
        );
        self.query("postgres", &format!("CREATE DATABASE \"{to}\" TEMPLATE \"{from}\""));
        self.query("postgres", &format!("ALTER DATABASE \"{from}\" ALLOW_CONNECTIONS true"));
        self.url(to)
    }

    /// Runs SQL with `psql`: a line per row, columns separated by `|`.
    ///
    /// # Panics
    /// When a statement fails.
    pub fn query(&self, database: &str, sql: &str) -> String {
        self.try_query(database, sql).unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// As [`Self::query`].
    ///
    /// # Errors
    /// What `psql` says when a statement fails or the server is away.
    pub fn try_query(&self, database: &str, sql: &str) -> Result<String, String> {
        self.try_query_via(self.addr(), database, sql)
    }

    /// As [`Self::try_query`], through a proxy at `addr`.
    ///
    /// # Errors
    /// The same.
    pub fn try_query_via(&self, addr: SocketAddr, database: &str, sql: &str) -> Result<String, String> {
        let mut psql = self.programs.command("psql");
        psql.args(["-X", "-q", "-t", "-A", "-v", "ON_ERROR_STOP=1", "-d", &Self::url_via(addr, database), "-c", sql]);
        let output = psql.output().expect("psql runs");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
        if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
    }

    /// `COPY … FROM STDIN`, as a program that takes its rows from its standard input.
    pub fn copy(&self, database: &str, sql: &str) -> Child {
        let mut psql = self.programs.command("psql");
        psql.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", &self.url(database), "-c", sql]);
        psql.stdin(Stdio::piped()).spawn().expect("psql runs")
    }

    /// A fast shutdown: clients are cut off, everything is written.
    pub fn stop(&self) {
        let server = self.lock().take().expect("the cluster runs");
        server.signal(Signal::INT);
        assert!(server.wait(STOP_LIMIT).is_some(), "PostgreSQL does not stop");
    }

    /// SIGKILL to the server; its children notice and go.
    pub fn kill(&self) {
        self.lock().take().expect("the cluster runs").kill();
    }

    /// Starts it on the same port and data, after [`Self::stop`] or [`Self::kill`].
    pub fn start_again(&self) {
        let mut server = self.lock();
        assert!(server.is_none(), "the cluster runs already");
        let deadline = Instant::now() + START_LIMIT;
        loop {
            let attempt = self.spawn();
            let ready = |line: &str| line.contains("ready to accept connections").then_some(());
            if attempt.output.wait(deadline, ready, || attempt.status().is_some()).is_some() {
                *server = Some(attempt);
                return;
            }
            assert!(Instant::now() < deadline, "PostgreSQL does not start: {:#?}", attempt.output.lines());
            thread::sleep(START_AGAIN_PAUSE);
        }
    }

    fn init(&self) {
        let mut initdb = self.programs.command("initdb");
        initdb.args(["--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "--username=postgres", "--pgdata"]);
        let output = initdb.arg(self.data()).output().expect("initdb runs");
        assert!(output.status.success(), "initdb: {}", String::from_utf8_lossy(&output.stderr));
    }

    fn spawn(&self) -> Daemon {
        let mut postgres = self.programs.command("postgres");
        postgres.arg("-D").arg(self.data()).arg("-k").arg(self.folder.path());
        postgres.args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-c", "max_connections=300"]);
        postgres.args(["-c", if self.options.fsync { "fsync=on" } else { "fsync=off" }]);
        for (name, value) in &self.options.settings {
            postgres.arg("-c").arg(format!("{name}={value}"));
        }
        // SIGQUIT: at once, children included. The data is about to be removed.
        let stop = Stop { signal: Signal::QUIT, signal_name: "QUIT", folder: Some(self.folder.path()) };
        Daemon::spawn("postgres", &mut postgres, stop)
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn lock(&self) -> MutexGuard<'_, Option<Daemon>> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::Postgres;

    #[test]
    fn what_was_committed_survives_a_kill_and_a_stop() {
        crate::require!(Postgres::available());
        let cluster = Postgres::start();
        cluster.create_database("kept");
        cluster.query("kept", "CREATE TABLE t (n int); INSERT INTO t VALUES (1)");
        cluster.kill();
        assert!(cluster.try_query("kept", "SELECT n FROM t").is_err(), "a killed server answers");
        cluster.start_again();
        assert_eq!(cluster.query("kept", "SELECT n FROM t"), "1");
        cluster.stop();
        cluster.start_again();
        assert_eq!(cluster.query("kept", "SELECT n FROM t"), "1");
        assert_eq!(cluster.query("kept", "SHOW fsync"), "on");
    }

    #[test]
    fn a_copy_goes_its_own_way() {
        crate::require!(Postgres::available());
        let cluster = Postgres::shared();
        cluster.create_database("original");
        cluster.query("original", "CREATE TABLE t (n int); INSERT INTO t VALUES (1)");
        cluster.copy_database("original", "restored");
        cluster.query("original", "INSERT INTO t VALUES (2)");
        assert_eq!(cluster.query("restored", "SELECT n FROM t"), "1");
        assert_eq!(cluster.query("original", "SELECT count(*) FROM t"), "2");
    }
}
