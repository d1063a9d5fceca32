//! `avanzacast up`: everything in one process tree.

use std::{
    collections::BTreeMap,
    fs::File,
    path::{Path, PathBuf},
    time::Duration,
};

use avanzacast::{
    livekit_client::Place,
    nats_server::{PrivateServer, PrivateServerOptions, default_cache_dir, locate},
};
use avanzacast_edge::{Bound, EdgeConfig};
use avanzacast_kit::{
    Secret,
    bus::Bus,
    config::{
        BusConfig, ConfigError, DatabaseConfig, HttpConfig, Links, LiveKitConfig, MetricsConfig, Mode, SessionLimits,
        Variables,
    },
    folder,
    lifecycle::Lifecycle,
};
use avanzacast_schemas::bus::BusUser;
use avanzacast_worker::store::Store;
use rand::{RngExt, distr::Alphanumeric};

use super::{
    Failure,
    audit_worker::{self, AuditSettings},
    banner::{self, Banner, OwnLiveKit},
    dev_env, edge,
    livekit::{self, Wanted},
    livekit_client, measure,
    provision::{self, StreamSettings},
    room_worker,
    session_worker::{self, Settings, data_dir},
    studio_worker,
};

/// The same file that a nats-server of one's own is started with.
const NATS_CONF: &str = include_str!("../../../../nats.conf");
/// How often it is looked whether the streams are still there: on a private server nobody else would.
const PROVISION_INTERVAL: Duration = Duration::from_secs(5);

/// What `up` is configured with.
pub(crate) struct Configured {
    pub(crate) mode: Mode,
    pub(crate) data_dir: PathBuf,
    http: HttpConfig,
    pub(crate) edge: EdgeConfig,
    pub(crate) database: DatabaseConfig,
    pub(crate) livekit: LiveKitConfig,
    limits: SessionLimits,
    audit: AuditSettings,
    pub(crate) streams: StreamSettings,
    pub(crate) own_nats: bool,
    own_livekit: Wanted,
    pub(crate) client: Option<Place>,
    metrics: MetricsConfig,
    variables: Variables,
}

pub(crate) fn configure(mut variables: Variables) -> Result<Configured, ConfigError> {
    let mode = Mode::of_up(&mut variables);
    let data_dir = data_dir(&variables);
    let own_nats = variables.text("NATS_URL").is_none();
    let livekit = LiveKitConfig::read(&mut variables, mode);
    let own_livekit = livekit::wanted(&mut variables, mode);
    let client = livekit_client::place(&mut variables);
    let configured = Configured {
        mode,
        http: HttpConfig::read(&mut variables, mode),
        edge: edge::read(&mut variables, mode, (livekit.ws_url.clone(), livekit.http_url.clone())),
        database: DatabaseConfig::read(&mut variables, &data_dir),
        livekit,
        limits: SessionLimits::read(&mut variables),
        audit: AuditSettings::read(&mut variables),
        streams: StreamSettings::read(&mut variables),
        metrics: MetricsConfig::read(&mut variables, mode),
        own_nats,
        own_livekit,
        client,
        data_dir,
        variables,
    };
    let mut check = configured.variables.clone();
    Links::read(&mut check, mode, 0);
    if !own_nats {
        for user in
            [BusUser::Admin, BusUser::Session, BusUser::Studio, BusUser::Room, BusUser::AuditWorker, BusUser::Edge]
        {
            BusConfig::read(&mut check, user);
        }
    }
    if let Some(url) = check.text("REDIS_URL").map(Secret::new) {
        drop(url);
        tracing::info!("REDIS_URL is set, and not used: JetStream's key-value store has its place");
    }
    check.finish()?;
    Ok(configured)
}

pub(crate) async fn run() -> Result<bool, Failure> {
    let mut configured = configure(Variables::from_process())?;
    let edge_life = Lifecycle::until_signal()?;
    folder::private(&configured.data_dir)?;
    let _only = only_one(&configured.data_dir)?;
    // The address first: when it is taken, nothing else needs to start.
    let bound = Bound::bind(&configured.http).await?;
    let exposition = measure::start(&configured.metrics, &edge_life).await?;
    configured.edge.metrics = edge::own_address(configured.mode, exposition);
    let life = Lifecycle::new();
    livekit_client::keep(configured.client.take(), true, &configured.edge.client, &life);
    let dir = configured.data_dir.join("livekit");
    // It takes a moment, which nats-server takes too.
    let livekit = tokio::spawn(livekit::start(configured.own_livekit.clone(), dir, bound.address()));
    let nats = if configured.own_nats { Some(start_nats(&mut configured, &life).await?) } else { None };
    let (livekit, said) = livekit.await?;
    if let Some(livekit) = &livekit {
        configured.livekit.ws_url = format!("ws://{}", livekit.address());
        configured.livekit.http_url = format!("http://{}", livekit.address());
        configured.edge.livekit_ws_url.clone_from(&configured.livekit.ws_url);
        configured.edge.livekit_url.clone_from(&configured.livekit.http_url);
        configured.variables.set("LIVEKIT_WS_URL", &configured.livekit.ws_url);
    }
    let result = serve(configured, bound, &life, edge_life, said).await;
    if let Some(nats) = nats {
        nats.stop().await;
    }
    // Last: what we still say to it is said.
    if let Some(livekit) = livekit {
        livekit.stop().await;
    }
    result
}

/// Two processes over one data folder would each believe it theirs.
fn only_one(data_dir: &Path) -> Result<File, Failure> {
    let path = data_dir.join("lock");
    let lock = File::create(&path)?;
    lock.try_lock().map_err(|_| format!("another avanzacast runs on {}", data_dir.display()))?;
    Ok(lock)
}

/// Starts a private nats-server, and points the configuration to it.
async fn start_nats(configured: &mut Configured, life: &Lifecycle) -> Result<PrivateServer, Failure> {
    let program = locate(&default_cache_dir(), &banner::progress).await?;
    let mut environment = BTreeMap::new();
    for user in BusUser::ALL {
        let name = user.password_variable();
        let password = configured.variables.text(name).unwrap_or_else(password);
        configured.variables.set(name, password.clone());
        environment.insert(name.to_owned(), password);
    }
    let server = PrivateServer::start(PrivateServerOptions {
        program,
        dir: configured.data_dir.join("nats"),
        config: NATS_CONF.to_owned(),
        environment,
        port: None,
    })
    .await?;
    configured.variables.set("NATS_URL", server.url());
    let failed = server.failed();
    let stopping = life.stopping();
    life.essential("nats-server", async move {
        tokio::select! {
            error = failed => tracing::error!(%error, "nats-server"),
            () = stopping.cancelled() => {}
        }
    });
    Ok(server)
}

/// Letters and digits, beginning with a letter: nats-server reads a variable's value as configuration.
fn password() -> String {
    let mut random = rand::rng();
    let tail = (0..31).map(|_| char::from(random.sample(Alphanumeric)));
    std::iter::once('p').chain(tail).collect()
}

async fn serve(
    configured: Configured,
    bound: Bound,
    life: &Lifecycle,
    edge_life: Lifecycle,
    own_livekit: OwnLiveKit,
) -> Result<bool, Failure> {
    let Configured {
        mode,
        data_dir,
        edge: config,
        database,
        livekit,
        limits,
        audit: kept,
        streams,
        own_nats,
        mut variables,
        ..
    } = configured;
    let base_url = format!("http://localhost:{}", bound.address().port());
    let mut connect = async |user, name| -> Result<Bus, Failure> {
        Ok(Bus::connect(&BusConfig::read(&mut variables, user), name).await?)
    };
    let admin = connect(BusUser::Admin, "provision").await?;
    let session = connect(BusUser::Session, "session-worker").await?;
    let studio = connect(BusUser::Studio, "studio-worker").await?;
    let room = connect(BusUser::Room, "room-worker").await?;
    let audit = connect(BusUser::AuditWorker, "audit-worker").await?;
    let edge = connect(BusUser::Edge, "edge").await?;

    let store = Store::new(database.clone());
    store.migrate().await?;
    provision::make(&store, &admin, streams, own_nats).await?;
    keep_provisioned(store, admin.clone(), streams, life);

    let links = Links::read(&mut variables, mode, bound.address().port());
    let shown = Banner {
        base_url: &base_url,
        nats_url: &variables.text("NATS_URL").unwrap_or_default(),
        own_nats,
        database: match &database {
            DatabaseConfig::Postgres(_) => "PostgreSQL (DATABASE_URL)".to_owned(),
            DatabaseConfig::Sqlite(path) => format!("SQLite, {}", path.display()),
        },
        data_dir: &data_dir,
        livekit: &livekit.ws_url.clone(),
        own_livekit,
        development: mode == Mode::Development,
    };
    let _studio = studio_worker::start(database.clone(), &studio, life).await?;
    let _room = room_worker::start(database.clone(), &livekit, &room, life).await?;
    let _keeper = audit_worker::start(database.clone(), kept, &audit, life).await?;
    let settings = Settings { database, livekit, limits, links };
    let _worker = session_worker::start(settings, &session, life).await?;
    stop_together(life, &edge_life);
    dev_env::write(&data_dir, &joining(&variables, &base_url))?;
    bound.serve(config, edge.clone(), &edge_life).await?;
    banner::print(&shown);
    // First no more requests, then no more commands: what is in hand at the edge still finds its worker.
    let edge_clean = edge_life.run().await;
    life.stop();
    let clean = life.clone().run().await && edge_clean;
    for bus in [edge, audit, room, studio, session, admin] {
        bus.close().await;
    }
    Ok(clean)
}

/// Should the worker die, the edge need not go on.
fn stop_together(life: &Lifecycle, edge_life: &Lifecycle) {
    let (stopping, edge_life) = (life.stopping(), edge_life.clone());
    life.background(async move {
        stopping.cancelled().await;
        edge_life.stop();
    });
}

/// What `dev.env` holds.
fn joining(variables: &Variables, base_url: &str) -> BTreeMap<String, String> {
    let passwords = BusUser::ALL.map(BusUser::password_variable);
    let names = passwords.into_iter().chain(["NATS_URL", "BACKEND_REGISTER_SECRET", "LIVEKIT_WS_URL"]);
    let mut values: BTreeMap<String, String> =
        names.filter_map(|name| variables.text(name).map(|value| (name.to_owned(), value))).collect();
    values.insert("AVANZACAST_URL".to_owned(), base_url.to_owned());
    values
}

/// A stream that is deleted while everything runs is made again, and the relay fills it.
fn keep_provisioned(store: Store, admin: Bus, streams: StreamSettings, life: &Lifecycle) {
    let stopping = life.stopping();
    life.essential("keeping the streams", async move {
        loop {
            tokio::select! {
                () = tokio::time::sleep(PROVISION_INTERVAL) => {}
                () = stopping.cancelled() => break,
            }
            if let Err(error) = provision::make(&store, &admin, streams, false).await {
                tracing::warn!(%error, "the streams could not be looked after");
            }
        }
    });
}
