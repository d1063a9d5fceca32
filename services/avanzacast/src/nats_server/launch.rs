//! Starting nats-server once, and waiting until it answers.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{Read, Seek, SeekFrom},
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use serde::Deserialize;
use tokio::{
    io::AsyncReadExt,
    net::TcpStream,
    process::{Child, Command},
};

use super::{
    private::{POLL, PrivateServerError, PrivateServerOptions},
    supervise::Phase,
    tool,
};

/// How long it may take to come up: it reads its whole store first, and a large one on a slow disk takes a while.
const READY_LIMIT: Duration = Duration::from_secs(60);

/// How much of its last words goes into an error, bytes.
const SAID: u64 = 800;

/// What it says outside of its log, of this start only: a mistake in the configuration, or a crash.
const SPOKEN: &str = "nats-server.err";

/// All that it takes to start the server, again and again.
#[derive(Debug)]
pub(super) struct Launch {
    program: PathBuf,
    dir: PathBuf,
    store: PathBuf,
    log: PathBuf,
    pid_file: PathBuf,
    environment: Secrets,
    port: Option<u16>,
}

/// Variables that are never printed.
struct Secrets(BTreeMap<String, String>);

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets")
    }
}

/// A server that answers.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) child: Child,
    pub(super) port: u16,
}

impl Running {
    pub(super) fn phase(&self) -> Phase {
        self.child.id().map_or(Phase::Down, |pid| Phase::Up { pid })
    }
}

/// The file that nats-server leaves once it listens.
#[derive(Deserialize)]
struct Ports {
    nats: Vec<String>,
}

impl Launch {
    /// Writes the configuration into the directory, which must be an absolute path.
    pub(super) fn prepare(options: PrivateServerOptions, dir: PathBuf) -> Result<Self, PrivateServerError> {
        let config = dir.join("nats.conf");
        fs::write(&config, options.config).map_err(|error| PrivateServerError::directory(&config, &error))?;
        Ok(Self {
            program: super::absolute(&options.program),
            store: dir.join("store"),
            log: dir.join("nats-server.log"),
            pid_file: dir.join("nats-server.pid"),
            environment: Secrets(options.environment),
            port: options.port,
            dir,
        })
    }

    pub(super) fn store(&self) -> &Path {
        &self.store
    }

    pub(super) fn log(&self) -> &Path {
        &self.log
    }

    pub(super) fn pid_file(&self) -> &Path {
        &self.pid_file
    }

    /// Starts it on the port of the options, and waits until it answers.
    pub(super) async fn start(&self) -> Result<Running, PrivateServerError> {
        let mut child = self.spawn(self.port)?;
        let port = self.ready(&mut child).await?;
        Ok(Running { child, port })
    }

    /// Starts it; it is killed when the child is dropped.
    pub(super) fn spawn(&self, port: Option<u16>) -> Result<Child, PrivateServerError> {
        self.forget_ports();
        let spoken = self.dir.join(SPOKEN);
        let err = File::create(&spoken).map_err(|error| PrivateServerError::directory(&spoken, &error))?;
        let mut command = Command::new(&self.program);
        command.arg("-c").arg(self.dir.join("nats.conf")).args(["-a", "127.0.0.1", "-p"]);
        command.arg(port.map_or_else(|| "-1".to_owned(), |port| port.to_string()));
        command.arg("-sd").arg(&self.store).arg("-l").arg(&self.log).arg("-P").arg(&self.pid_file);
        command.arg("--ports_file_dir").arg(&self.dir).envs(&self.environment.0);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(err);
        // A terminal's Ctrl-C goes to the whole group; we stop the server ourselves, after those who use it.
        command.process_group(0).kill_on_drop(true);
        command
            .spawn()
            .map_err(|error| PrivateServerError::Spawn { program: self.program.clone(), reason: error.to_string() })
    }

    /// Waits until it greets on the port that it listens on.
    pub(super) async fn ready(&self, child: &mut Child) -> Result<u16, PrivateServerError> {
        let ports = self.ports_file(child);
        let greeted = async {
            loop {
                if let Some(port) = read_port(&ports)
                    && greets(port).await
                {
                    return port;
                }
                tokio::time::sleep(POLL).await;
            }
        };
        tokio::select! {
            ended = child.wait() => Err(self.ended(ended)),
            port = greeted => {
                drop(fs::remove_file(&ports));
                Ok(port)
            }
            () = tokio::time::sleep(READY_LIMIT) => {
                Err(PrivateServerError::NotReady { limit: READY_LIMIT, log: self.log.clone() })
            }
        }
    }

    /// Removes what killed servers left: a process id comes again some day.
    fn forget_ports(&self) {
        let files = fs::read_dir(&self.dir).into_iter().flatten().flatten().map(|file| file.path());
        for stale in files.filter(|file| file.extension().is_some_and(|extension| extension == "ports")) {
            drop(fs::remove_file(stale));
        }
    }

    fn ports_file(&self, child: &Child) -> PathBuf {
        let name = self.program.file_name().unwrap_or_default().to_string_lossy();
        let pid = child.id().unwrap_or_default();
        self.dir.join(format!("{name}_{pid}.ports"))
    }

    fn ended(&self, ended: std::io::Result<ExitStatus>) -> PrivateServerError {
        let status = ended.map_or_else(|error| error.to_string(), |status| status.to_string());
        let mut said = last_of(&self.dir.join(SPOKEN));
        if said.is_empty() {
            said = last_of(&self.log);
        }
        // It quotes what it can't read, which may be a password.
        for secret in self.environment.0.values().filter(|secret| !secret.is_empty()) {
            said = said.replace(secret, "…");
        }
        PrivateServerError::Ended { status, said }
    }
}

/// Not there yet, or not written to its end yet, is `None`.
fn read_port(ports: &Path) -> Option<u16> {
    let ports: Ports = serde_json::from_slice(&fs::read(ports).ok()?).ok()?;
    ports.nats.first()?.rsplit_once(':')?.1.parse().ok()
}

/// A NATS server speaks first, with an INFO line.
async fn greets(port: u16) -> bool {
    let Ok(mut connection) = TcpStream::connect(("127.0.0.1", port)).await else { return false };
    let mut greeting = [0; 5];
    connection.read_exact(&mut greeting).await.is_ok() && &greeting == b"INFO "
}

fn last_of(path: &Path) -> String {
    let mut text = Vec::new();
    let read = File::open(path).and_then(|mut file| {
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(SAID)))?;
        file.take(SAID).read_to_end(&mut text)
    });
    read.map_or_else(|_| String::new(), |_| tool::on_one_line(&text))
}
