//! Starting nats-server once, and waiting until it answers.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use rustix::process::Signal;
use serde::Deserialize;
use tokio::{io::AsyncReadExt, net::TcpStream, process::Command};

use super::private::PrivateServerOptions;
use crate::private_server::{Mark, POLL, PrivateServerError, Program, last_of, tool};

/// How long it may take to come up: it reads its whole store first, and a large one on a slow disk takes a while.
const READY_LIMIT: Duration = Duration::from_secs(60);

/// How long it may take to end after SIGTERM: it writes out what its store still holds in memory.
const STOP_LIMIT: Duration = Duration::from_secs(10);

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
}

/// Variables that are never printed.
struct Secrets(BTreeMap<String, String>);

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets")
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
            program: tool::absolute(&options.program),
            store: dir.join("store"),
            log: dir.join("nats-server.log"),
            pid_file: dir.join("nats-server.pid"),
            environment: Secrets(options.environment),
            dir,
        })
    }

    /// Removes what killed servers left: a process id comes again some day.
    fn forget_ports(&self) {
        let files = fs::read_dir(&self.dir).into_iter().flatten().flatten().map(|file| file.path());
        for stale in files.filter(|file| file.extension().is_some_and(|extension| extension == "ports")) {
            drop(fs::remove_file(stale));
        }
    }

    fn ports_file(&self, pid: u32) -> PathBuf {
        let name = self.program.file_name().unwrap_or_default().to_string_lossy();
        self.dir.join(format!("{name}_{pid}.ports"))
    }
}

impl Program for Launch {
    const NAME: &'static str = super::PROGRAM;
    /// Half a minute in all, after which somebody has to look.
    const GIVE_UP: Option<u32> = Some(10);
    const STOP: &'static [(Signal, Duration)] = &[(Signal::TERM, STOP_LIMIT)];
    const DIES_WITH_US: bool = false;

    fn log(&self) -> &Path {
        &self.log
    }

    fn mark(&self) -> Mark {
        Mark("-sd", self.store.clone())
    }

    fn pid_file(&self) -> Option<&Path> {
        Some(&self.pid_file)
    }

    fn patience(&self) -> Duration {
        READY_LIMIT
    }

    fn command(&self, port: Option<u16>) -> Result<Command, PrivateServerError> {
        self.forget_ports();
        let spoken = self.dir.join(SPOKEN);
        let err = File::create(&spoken).map_err(|error| PrivateServerError::directory(&spoken, &error))?;
        let mut command = Command::new(&self.program);
        command.arg("-c").arg(self.dir.join("nats.conf")).args(["-a", "127.0.0.1", "-p"]);
        command.arg(port.map_or_else(|| "-1".to_owned(), |port| port.to_string()));
        command.arg("-sd").arg(&self.store).arg("-l").arg(&self.log).arg("-P").arg(&self.pid_file);
        command.arg("--ports_file_dir").arg(&self.dir).envs(&self.environment.0);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(err);
        Ok(command)
    }

    /// It greets on the port that it listens on.
    async fn answers(&self, pid: u32) -> u16 {
        let ports = self.ports_file(pid);
        loop {
            if let Some(port) = read_port(&ports)
                && greets(port).await
            {
                drop(fs::remove_file(&ports));
                return port;
            }
            tokio::time::sleep(POLL).await;
        }
    }

    fn said(&self) -> String {
        let mut said = last_of(&self.dir.join(SPOKEN));
        if said.is_empty() {
            said = last_of(&self.log);
        }
        // It quotes what it can't read, which may be a password.
        for secret in self.environment.0.values().filter(|secret| !secret.is_empty()) {
            said = said.replace(secret, "…");
        }
        said
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
