use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use avanzacast_schemas::bus::BusUser;
use tempfile::TempDir;

use crate::stack_env::{Credentials, bus, common, pairs, word};
use crate::{Api, Launch, Nats, NatsOptions, Postgres, Process, Proxy};

/// What a stack of separate processes is made of.
#[derive(Debug, Clone)]
pub struct StackOptions {
    /// How many edges.
    pub edges: usize,
    /// How many session workers.
    pub workers: usize,
    /// How many studio workers.
    pub studios: usize,
    /// How many room workers; most tests have no LiveKit for them.
    pub rooms: usize,
    /// How many audit workers.
    pub audits: usize,
    /// A cluster of this stack's own, which may be stopped; else [`Postgres::shared`].
    pub cluster: Option<Arc<Postgres>>,
    /// An existing database of the cluster; else a new one.
    pub database: Option<String>,
    /// The workers reach PostgreSQL through [`Stack::database_proxy`].
    pub proxy_database: bool,
    /// The workers reach the bus through [`Stack::worker_bus_proxy`].
    pub proxy_worker_bus: bool,
    /// The edges reach the bus through [`Stack::edge_bus_proxy`].
    pub proxy_edge_bus: bool,
    /// More variables for every process; these win.
    pub env: Vec<(String, String)>,
    /// The bus.
    pub nats: NatsOptions,
}

impl Default for StackOptions {
    fn default() -> Self {
        Self {
            edges: 1,
            workers: 1,
            studios: 1,
            rooms: 0,
            audits: 0,
            cluster: None,
            database: None,
            proxy_database: false,
            proxy_worker_bus: false,
            proxy_edge_bus: false,
            env: Vec::new(),
            nats: NatsOptions::default(),
        }
    }
}

/// The backend, running. Fields are ended in their order: the product's processes before what they depend on.
#[derive(Debug)]
pub struct Stack {
    /// The edges; with SQLite the one process that is everything.
    pub edges: Vec<Process>,
    /// The session workers; none with SQLite.
    pub workers: Vec<Process>,
    /// The studio workers; none with SQLite. They reach bus and database without a proxy.
    pub studios: Vec<Process>,
    /// The room workers; none with SQLite. They reach bus and database without a proxy.
    pub rooms: Vec<Process>,
    /// The audit workers; none with SQLite. They reach bus and database without a proxy.
    pub audits: Vec<Process>,
    /// Between workers and PostgreSQL, if asked for.
    pub database_proxy: Option<Proxy>,
    /// Between workers and bus, if asked for.
    pub worker_bus_proxy: Option<Proxy>,
    /// Between edges and bus, if asked for.
    pub edge_bus_proxy: Option<Proxy>,
    /// The bus; with SQLite the product starts its own.
    pub nats: Option<Nats>,
    /// The database's name in [`Stack::cluster`].
    pub database: Option<String>,
    own_cluster: Option<Arc<Postgres>>,
    credentials: Credentials,
    env: Vec<(String, String)>,
    data: TempDir,
}

impl Stack {
    /// `avanzacast up` with SQLite and a bus of its own, in development mode.
    pub async fn sqlite() -> Self {
        Self::sqlite_with(Vec::new()).await
    }

    /// The same with more environment variables.
    pub async fn sqlite_with(env: Vec<(String, String)>) -> Self {
        let mut stack = Self::empty(env);
        let up = stack.start_up();
        // Starting blocks; what else runs on this test's thread goes on afterwards.
        let _ = up.addr();
        stack.edges.push(up);
        stack
    }

    /// PostgreSQL, a bus, `avanzacast provision`, then workers and edges, in production mode.
    pub async fn postgres(options: StackOptions) -> Self {
        let mut stack = Self::empty(options.env);
        stack.own_cluster = options.cluster;
        let cluster = stack.cluster();
        let database = options.database.unwrap_or_else(|| {
            let name = format!("avanzacast_{}", word(12));
            cluster.create_database(&name);
            name
        });
        let nats = Nats::start(options.nats);
        let cluster_addr = cluster.addr();
        stack.database_proxy = options.proxy_database.then(|| Proxy::start(cluster_addr));
        stack.worker_bus_proxy = options.proxy_worker_bus.then(|| Proxy::start(nats.addr()));
        stack.edge_bus_proxy = options.proxy_edge_bus.then(|| Proxy::start(nats.addr()));
        (stack.nats, stack.database) = (Some(nats), Some(database));
        stack.provision();
        stack.workers = (0..options.workers).map(|_| stack.start_worker()).collect();
        stack.studios = (0..options.studios).map(|_| stack.start_studio()).collect();
        stack.rooms = (0..options.rooms).map(|_| stack.start_room()).collect();
        stack.audits = (0..options.audits).map(|_| stack.start_audit()).collect();
        let workers = stack.workers.iter().chain(&stack.studios).chain(&stack.rooms).chain(&stack.audits);
        workers.for_each(|worker| drop(worker.wait_for_log("ready")));
        stack.edges = (0..options.edges).map(|_| stack.start_edge()).collect();
        stack.edges.iter().for_each(|edge| drop(edge.wait_for_log("listening")));
        stack
    }

    /// A client of the first edge.
    #[must_use]
    pub fn api(&self) -> Api {
        self.api_n(0)
    }

    /// A client of edge `n`.
    #[must_use]
    pub fn api_n(&self, n: usize) -> Api {
        Api::new(self.edges.get(n).unwrap_or_else(|| panic!("no edge {n}")).addr())
    }

    /// What `BACKEND_REGISTER_SECRET` is.
    #[must_use]
    pub fn secret(&self) -> &str {
        &self.credentials.register_secret
    }

    /// What `LIVEKIT_API_KEY` and `LIVEKIT_API_SECRET` are in a stack with PostgreSQL.
    #[must_use]
    pub fn livekit(&self) -> (&str, &str) {
        (&self.credentials.livekit_key, &self.credentials.livekit_secret)
    }

    /// Where the database is.
    #[must_use]
    pub fn cluster(&self) -> &Postgres {
        match &self.own_cluster {
            Some(own) => own,
            None => Postgres::shared(),
        }
    }

    /// Asks the database; see [`Postgres::query`].
    pub fn sql(&self, sql: &str) -> String {
        self.cluster().query(self.database.as_deref().expect("a stack with PostgreSQL"), sql)
    }

    /// The number that SQL gives.
    #[must_use]
    pub fn count(&self, sql: &str) -> usize {
        self.sql(sql).parse().unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// `DATA_DIR`.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        self.data.path()
    }

    /// Starts worker `n` anew and waits until it serves; ends the old one first, if it has not ended.
    pub fn restart_worker(&mut self, n: usize) {
        self.workers.get(n).unwrap_or_else(|| panic!("no worker {n}")).kill9();
        drop(self.workers.remove(n));
        let worker = self.start_worker();
        drop(worker.wait_for_log("ready"));
        self.workers.insert(n, worker);
    }

    /// The same for studio worker `n`.
    pub fn restart_studio(&mut self, n: usize) {
        self.studios.get(n).unwrap_or_else(|| panic!("no studio worker {n}")).kill9();
        drop(self.studios.remove(n));
        let studio = self.start_studio();
        drop(studio.wait_for_log("ready"));
        self.studios.insert(n, studio);
    }

    /// The same for room worker `n`.
    pub fn restart_room(&mut self, n: usize) {
        self.rooms.get(n).unwrap_or_else(|| panic!("no room worker {n}")).kill9();
        drop(self.rooms.remove(n));
        let room = self.start_room();
        drop(room.wait_for_log("ready"));
        self.rooms.insert(n, room);
    }

    /// The same for `avanzacast up` of a stack with SQLite: killed if it runs, and started on the same data.
    pub fn restart_up(&mut self) {
        self.edges.drain(..).for_each(|up| up.kill9());
        let up = self.start_up();
        let _ = up.addr();
        self.edges.push(up);
    }

    /// Runs `avanzacast provision`, which may be repeated.
    pub fn provision(&self) {
        let provision = self.start_provision();
        let status = provision.wait();
        assert!(status.success(), "provision: {status}\n{}", provision.logs().join("\n"));
    }

    /// The same, not waited for.
    #[must_use]
    pub fn start_provision(&self) -> Process {
        let mut variables = self.bus_of(None, BusUser::Admin);
        variables.extend(self.database_variable(self.cluster().addr()));
        self.launch("provision", variables)
    }

    /// One more worker, not waited for; the caller keeps it.
    #[must_use]
    pub fn start_worker(&self) -> Process {
        self.start_worker_with(Vec::new())
    }

    /// The same with more environment variables.
    #[must_use]
    pub fn start_worker_with(&self, env: Vec<(String, String)>) -> Process {
        let addr = self.database_proxy.as_ref().map_or_else(|| self.cluster().addr(), Proxy::addr);
        let mut variables = self.bus_of(self.worker_bus_proxy.as_ref(), BusUser::Session);
        variables.extend(self.database_variable(addr));
        variables.extend(self.credentials.livekit());
        variables.extend(env);
        self.launch("session-worker", variables)
    }

    /// One more studio worker, not waited for; the caller keeps it.
    #[must_use]
    pub fn start_studio(&self) -> Process {
        let mut variables = self.bus_of(None, BusUser::Studio);
        variables.extend(self.database_variable(self.cluster().addr()));
        self.launch("studio-worker", variables)
    }

    /// One more room worker, not waited for; the caller keeps it.
    #[must_use]
    pub fn start_room(&self) -> Process {
        let mut variables = self.bus_of(None, BusUser::Room);
        variables.extend(self.database_variable(self.cluster().addr()));
        variables.extend(self.credentials.livekit());
        self.launch("room-worker", variables)
    }

    /// One more audit worker, not waited for; the caller keeps it.
    #[must_use]
    pub fn start_audit(&self) -> Process {
        self.start_audit_with(Vec::new())
    }

    /// The same with more environment variables.
    #[must_use]
    pub fn start_audit_with(&self, env: Vec<(String, String)>) -> Process {
        let mut variables = self.bus_of(None, BusUser::AuditWorker);
        variables.extend(self.database_variable(self.cluster().addr()));
        variables.extend(env);
        self.launch("audit-worker", variables)
    }

    /// All workers in one process, not waited for; the caller keeps it.
    #[must_use]
    pub fn start_all_workers(&self) -> Process {
        let mut variables = self.bus_of(None, BusUser::Studio);
        variables.extend(self.bus_of(None, BusUser::Session));
        variables.extend(self.bus_of(None, BusUser::Room));
        variables.extend(self.bus_of(None, BusUser::AuditWorker));
        variables.extend(self.database_variable(self.cluster().addr()));
        variables.extend(self.credentials.livekit());
        self.launch("worker", variables)
    }

    /// One more edge, not waited for; the caller keeps it.
    #[must_use]
    pub fn start_edge(&self) -> Process {
        self.start_edge_with(Vec::new())
    }

    /// The same with more environment variables.
    #[must_use]
    pub fn start_edge_with(&self, env: Vec<(String, String)>) -> Process {
        let mut variables = self.bus_of(self.edge_bus_proxy.as_ref(), BusUser::Edge);
        variables.extend(self.credentials.register());
        variables.extend(env);
        self.launch("edge", variables)
    }

    /// `avanzacast up` on the same data, not waited for; the caller keeps it.
    #[must_use]
    pub fn start_up(&self) -> Process {
        self.launch("up", self.credentials.register())
    }

    fn database_variable(&self, addr: SocketAddr) -> Vec<(String, String)> {
        let name = self.database.as_deref().expect("only a stack with PostgreSQL has one");
        pairs([("DATABASE_URL", &Postgres::url_via(addr, name))])
    }

    fn bus_of(&self, proxy: Option<&Proxy>, user: BusUser) -> Vec<(String, String)> {
        bus(self.nats.as_ref().expect("only a stack with PostgreSQL has this"), proxy, user)
    }

    fn launch(&self, role: &str, variables: Vec<(String, String)>) -> Process {
        let data = self.data.path().as_os_str();
        let launch = Launch::product(&[role]).envs(common()).envs(variables).env("DATA_DIR", data);
        let process = launch.envs(self.env.clone()).start();
        let passwords = self.nats.iter().flat_map(|nats| BusUser::ALL.map(|user| nats.password(user)));
        self.credentials.secrets().into_iter().chain(passwords).for_each(|secret| process.forbid_in_logs(secret));
        process
    }

    fn empty(env: Vec<(String, String)>) -> Self {
        Self {
            edges: Vec::new(),
            workers: Vec::new(),
            studios: Vec::new(),
            rooms: Vec::new(),
            audits: Vec::new(),
            database_proxy: None,
            worker_bus_proxy: None,
            edge_bus_proxy: None,
            nats: None,
            database: None,
            own_cluster: None,
            credentials: Credentials::random(),
            env,
            data: tempfile::Builder::new().prefix("avanzacast-data-").tempdir().unwrap(),
        }
    }
}
