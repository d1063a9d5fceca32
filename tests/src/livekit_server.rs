use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::daemon::{Daemon, Stop};
use crate::livekit_program::livekit_program;
use crate::port::free_port;
use crate::{LiveKitKey, http_client};

/// It is ready within 3 s on an idle machine.
const START_LIMIT: Duration = Duration::from_secs(30);
const START_POLL: Duration = Duration::from_millis(50);
/// For one answer to the probe, which comes from memory.
const PROBE_LIMIT: Duration = Duration::from_secs(2);
/// More UDP ports than this are not all taken by chance.
const TRIES: usize = 50;

/// How a LiveKit server behaves.
#[derive(Debug, Clone)]
pub struct LiveKitOptions {
    /// Whose tokens it takes, and what it signs webhooks with.
    pub key: LiveKitKey,
    /// Whether whoever joins a room that does not exist makes it.
    pub auto_create: bool,
    /// Where it sends webhooks.
    pub webhook: Option<String>,
}

impl LiveKitOptions {
    /// As LiveKit is by default, with this key.
    #[must_use]
    pub fn of((key, secret): (&str, &str)) -> Self {
        Self { key: LiveKitKey::new(key, secret), auto_create: true, webhook: None }
    }
}

/// A real livekit-server on 127.0.0.1 with a folder of its own: alone, without Redis, without a look at the network.
#[derive(Debug)]
pub struct LiveKitServer {
    server: Mutex<Option<Daemon>>,
    port: u16,
    udp_port: u16,
    folder: TempDir,
}

impl LiveKitServer {
    /// Whether there is one on this machine, for [`crate::require!`].
    ///
    /// # Errors
    /// How to install it.
    pub fn available() -> Result<(), String> {
        livekit_program().map(drop)
    }

    /// The program itself.
    ///
    /// # Panics
    /// When there is none; see [`Self::available`].
    #[must_use]
    pub fn program() -> PathBuf {
        livekit_program().unwrap_or_else(|missing| panic!("{missing}"))
    }

    /// One that has its address, and does not run yet: so that what needs the address can be started first, and say
    /// which key it signs with.
    #[must_use]
    pub fn reserve() -> Self {
        let folder = tempfile::Builder::new().prefix("avanzacast-livekit-").tempdir().unwrap();
        Self { server: Mutex::new(None), port: free_port(), udp_port: free_udp_port(), folder }
    }

    /// Starts it, and waits until it is ready.
    pub fn start(&self, options: &LiveKitOptions) {
        fs::write(self.config(), self.configuration(options).to_string()).unwrap();
        self.start_again();
    }

    /// Starts it on the same ports with the same configuration, after [`Self::stop`] or [`Self::kill`]. Its rooms are
    /// gone: they were in its memory.
    ///
    /// # Panics
    /// When it is not ready in time.
    pub fn start_again(&self) {
        let mut server = self.lock();
        assert!(server.is_none(), "LiveKit runs already");
        let started = self.spawn();
        let deadline = Instant::now() + START_LIMIT;
        while !is_ready(self.addr()) {
            let alive = started.status().is_none() && Instant::now() < deadline;
            assert!(alive, "LiveKit does not start:\n{}", started.output.lines().join("\n"));
            thread::sleep(START_POLL);
        }
        *server = Some(started);
    }

    /// SIGTERM, and wait for its end. Participants that are there keep it from ending for 10 s; then it is killed.
    pub fn stop(&self) {
        self.lock().take().expect("LiveKit runs").stop();
    }

    /// SIGKILL.
    pub fn kill(&self) {
        self.lock().take().expect("LiveKit runs").kill();
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.port))
    }

    /// What participants connect to.
    #[must_use]
    pub fn url(&self) -> String {
        format!("ws://{}", self.addr())
    }

    /// `LIVEKIT_URL`.
    #[must_use]
    pub fn environment(&self) -> Vec<(String, String)> {
        vec![("LIVEKIT_URL".to_owned(), self.url())]
    }

    /// Asks its `RoomService` with a token that has these grants: the status and the answer.
    pub async fn call(&self, key: &LiveKitKey, method: &str, grants: Value, body: &Value) -> (u16, Value) {
        let token = key.sign(&key.claims("tests", grants));
        let url = format!("http://{}/twirp/livekit.RoomService/{method}", self.addr());
        let request = client().post(url).bearer_auth(token).json(body);
        let answer = request.send().await.unwrap_or_else(|error| panic!("LiveKit does not answer {method}: {error:?}"));
        (answer.status().as_u16(), answer.json().await.expect("LiveKit answers JSON"))
    }

    /// Makes a room.
    pub async fn create_room(&self, key: &LiveKitKey, name: &str) {
        let (status, answer) = self.call(key, "CreateRoom", json!({"roomCreate": true}), &json!({"name": name})).await;
        assert_eq!(status, 200, "{answer}");
    }

    /// Puts somebody out of a room.
    pub async fn remove(&self, key: &LiveKitKey, room: &str, identity: &str) {
        let (grants, who) = (json!({"roomAdmin": true, "room": room}), json!({"room": room, "identity": identity}));
        let (status, answer) = self.call(key, "RemoveParticipant", grants, &who).await;
        assert_eq!(status, 200, "{answer}");
    }

    /// Its ICE/TCP listener would listen on every interface, so there is none; with `node_ip` it asks no STUN server.
    /// A key that the server does not know is an error (livekit-server, `pkg/config/config.go`). JSON is YAML.
    fn configuration(&self, options: &LiveKitOptions) -> Value {
        let mut config = json!({
            "port": self.port,
            "bind_addresses": ["127.0.0.1"],
            "keys": {options.key.name(): options.key.secret()},
            "rtc": {
                "node_ip": "127.0.0.1",
                "use_external_ip": false,
                "udp_port": self.udp_port,
                "tcp_port": 0,
                "enable_loopback_candidate": true,
                "interfaces": {"includes": ["lo"]},
            },
            "room": {"auto_create": options.auto_create},
            "logging": {"level": "warn", "json": true},
        });
        if let Some(url) = &options.webhook {
            config["webhook"] = json!({"api_key": options.key.name(), "urls": [url]});
        }
        config
    }

    fn spawn(&self) -> Daemon {
        let mut command = Command::new(Self::program());
        command.env_clear().arg("--config").arg(self.config()).current_dir(self.folder.path());
        Daemon::spawn("livekit-server", &mut command, Stop::TERMINATE)
    }

    fn config(&self) -> PathBuf {
        self.folder.path().join("livekit.yaml")
    }

    fn lock(&self) -> MutexGuard<'_, Option<Daemon>> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `GET /` is 200 `OK` once it serves (livekit-server, `pkg/service/server.go`).
fn is_ready(addr: SocketAddr) -> bool {
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect_timeout(&addr, PROBE_LIMIT)?;
        stream.set_read_timeout(Some(PROBE_LIMIT))?;
        stream.write_all(b"GET / HTTP/1.0\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    ask().is_ok_and(|answer| answer.contains(" 200 OK"))
}

fn client() -> reqwest::Client {
    http_client().timeout(START_LIMIT).build().expect("a client")
}

/// A UDP port of 127.0.0.1 that nobody has now.
fn free_udp_port() -> u16 {
    let free = |port: &u16| UdpSocket::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    (0..TRIES).map(|_| free_port()).find(free).expect("a free UDP port on 127.0.0.1")
}
