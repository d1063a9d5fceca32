//! Starting livekit-server once, and waiting until it answers.

use std::{
    fs::{self, File, OpenOptions},
    io::Write,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    process::Command,
};

use super::{KEY, ports::Ports};
use crate::private_server::{Mark, POLL, PrivateServerError, Program, last_of, tool};

/// How long it may take to come up: 3 s on an idle machine.
const READY_LIMIT: Duration = Duration::from_secs(15);
/// How long it may wait for its participants after the first SIGTERM; the second one tells it not to (livekit-server,
/// `cmd/server/main.go`).
const PARTICIPANTS_LIMIT: Duration = Duration::from_secs(2);
/// How long it may take after that.
const STOP_LIMIT: Duration = Duration::from_secs(3);
/// For one answer to the probe.
const PROBE_LIMIT: Duration = Duration::from_secs(2);

/// All that it takes to start the server, again and again.
#[derive(Debug)]
pub(super) struct Launch {
    program: PathBuf,
    dir: PathBuf,
    config: PathBuf,
    log: PathBuf,
    port: u16,
}

impl Launch {
    /// Writes the configuration into the directory, which must be an absolute path, and empties the log.
    pub(super) fn prepare(
        program: &Path,
        dir: PathBuf,
        ports: Ports,
        backend: SocketAddr,
    ) -> Result<Self, PrivateServerError> {
        let (config, log) = (dir.join("livekit.yaml"), dir.join("livekit.log"));
        let text = format!("{:#}\n", configuration(ports, backend));
        private_file(&config, text.as_bytes()).map_err(|error| PrivateServerError::directory(&config, &error))?;
        private_file(&log, b"").map_err(|error| PrivateServerError::directory(&log, &error))?;
        Ok(Self { program: tool::absolute(program), dir, config, log, port: ports.http })
    }
}

/// A new file, whole, that its owner alone may read.
fn private_file(path: &Path, text: &[u8]) -> std::io::Result<()> {
    // One that is there might have other permissions.
    drop(fs::remove_file(path));
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?.write_all(text)
}

/// On loopback only: its ICE/TCP listener would listen on every interface, so there is none, and with `node_ip` it asks
/// no STUN server. JSON is YAML; a key that it does not know is an error (livekit-server, `pkg/config/config.go`).
fn configuration(ports: Ports, backend: SocketAddr) -> Value {
    let (key, secret) = KEY;
    let mut backend = backend;
    if backend.ip().is_unspecified() {
        backend.set_ip(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    json!({
        "port": ports.http,
        "bind_addresses": ["127.0.0.1"],
        "keys": { key: secret },
        "rtc": {
            "node_ip": "127.0.0.1",
            "use_external_ip": false,
            "udp_port": ports.udp,
            "tcp_port": 0,
            "enable_loopback_candidate": true,
            "interfaces": { "includes": [loopback()] },
        },
        // Who joins makes the room.
        "room": { "auto_create": true },
        "webhook": { "api_key": key, "urls": [format!("http://{backend}/api/livekit/webhook")] },
        "logging": { "level": "info", "json": true },
    })
}

/// The loopback interface's name.
fn loopback() -> &'static str {
    if cfg!(target_os = "linux") { "lo" } else { "lo0" }
}

impl Program for Launch {
    const NAME: &'static str = super::locate::PROGRAM;
    const GIVE_UP: Option<u32> = None;
    const STOP: &'static [(Signal, Duration)] = &[(Signal::TERM, PARTICIPANTS_LIMIT), (Signal::TERM, STOP_LIMIT)];
    /// It keeps nothing, and whoever is in a room of it would stay there unseen.
    const DIES_WITH_US: bool = true;

    fn log(&self) -> &Path {
        &self.log
    }

    fn mark(&self) -> Mark {
        Mark("--config", self.config.clone())
    }

    fn pid_file(&self) -> Option<&Path> {
        None
    }

    fn patience(&self) -> Duration {
        READY_LIMIT
    }

    /// The port is in the configuration, and the secret too: a command line is everybody's to read. None of our own
    /// variables are for it, and some of them (`LIVEKIT_KEYS`) would mean something to it.
    fn command(&self, _port: Option<u16>) -> Result<Command, PrivateServerError> {
        let unusable = |error| PrivateServerError::directory(&self.log, &error);
        let log = File::options().append(true).open(&self.log).map_err(unusable)?;
        let mut command = Command::new(&self.program);
        command.env_clear().current_dir(&self.dir).arg("--config").arg(&self.config);
        command.stdin(Stdio::null()).stdout(log.try_clone().map_err(unusable)?).stderr(log);
        Ok(command)
    }

    async fn answers(&self, _pid: u32) -> u16 {
        loop {
            let probe = tokio::time::timeout(PROBE_LIMIT, ready(self.port)).await;
            if matches!(probe, Ok(Ok(true))) {
                return self.port;
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Its secret is LiveKit's published one.
    fn said(&self) -> String {
        last_of(&self.log)
    }
}

/// `GET /` is 200 once it serves (livekit-server, `pkg/service/server.go`).
async fn ready(port: u16) -> std::io::Result<bool> {
    let mut connection = TcpStream::connect(("127.0.0.1", port)).await?;
    connection.write_all(b"GET / HTTP/1.0\r\n\r\n").await?;
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).await?;
    let status = answer.split(|byte| *byte == b' ').nth(1);
    Ok(status == Some(b"200".as_slice()))
}
