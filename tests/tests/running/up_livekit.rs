//! `avanzacast up` brings a livekit-server along: one command, and somebody is in a room.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use avanzacast_tests::{
    Launch, LiveKitServer, LiveStudio, Participant, Process, Stack, eventually, pairs, require, wait_until,
};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Ours are given 5 s for a livekit-server with somebody in a room, and the rest takes a moment.
const STOP_LIMIT: Duration = Duration::from_secs(15);

fn folder() -> TempDir {
    tempfile::Builder::new().prefix("avanzacast-up-").tempdir().unwrap()
}

/// With nothing configured, and LiveKit's program named.
async fn alone() -> Stack {
    let program = LiveKitServer::program();
    let program = program.to_str().unwrap();
    Stack::sqlite_with(pairs([("LIVEKIT_URL", ""), ("LIVEKIT_SERVER", program)])).await
}

/// With a folder and an environment of its own, where nothing says which LiveKit there is.
fn up(data: &Path, env: &[(&str, &str)]) -> Process {
    let launch = Launch::product(&["up"]).env("DATA_DIR", data).env("PORT", "0");
    env.iter().fold(launch, |launch, (name, value)| launch.env(name, *value)).start()
}

/// What it says of LiveKit at its start.
fn banner(process: &Process) -> String {
    let line = || process.logs().iter().find_map(|line| line.trim().strip_prefix("LiveKit").map(str::to_owned));
    wait_until("it says what it started", || line().is_some() || process.status().is_some());
    line().unwrap_or_else(|| panic!("{}", process.logs().join("\n"))).trim().to_owned()
}

/// The processes that were started with something in this folder: a server, or the shell that watches over it.
fn processes(data: &Path) -> Vec<(u32, String)> {
    let wanted = format!("{}/livekit", data.display());
    let all = fs::read_dir("/proc").unwrap().flatten();
    let all = all.filter_map(|entry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        let line = fs::read(entry.path().join("cmdline")).ok()?;
        Some((pid, String::from_utf8_lossy(&line).replace('\0', " ")))
    });
    all.filter(|(_, line)| line.contains(&wanted)).collect()
}

fn server(data: &Path) -> u32 {
    let found = processes(data);
    assert_eq!(found.len(), 1, "{found:?}");
    found[0].0
}

fn guards(pid: u32) -> usize {
    let wanted = format!("avanzacast-guard\0{pid}\0");
    let lines =
        fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
    lines.filter(|line| String::from_utf8_lossy(line).contains(&wanted)).count()
}

/// The local addresses of the sockets that the process listens on, TCP and UDP, in the system's notation.
fn addresses(pid: u32) -> Vec<String> {
    let links =
        fs::read_dir(format!("/proc/{pid}/fd")).unwrap().flatten().filter_map(|fd| fs::read_link(fd.path()).ok());
    let sockets: Vec<String> = links.map(|link| link.display().to_string()).collect();
    let mut found = Vec::new();
    for table in ["tcp", "tcp6", "udp", "udp6"] {
        let text = fs::read_to_string(format!("/proc/{pid}/net/{table}")).unwrap_or_default();
        for line in text.lines().skip(1) {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let listens = table.starts_with("udp") || fields[3] == "0A";
            if listens && sockets.contains(&format!("socket:[{}]", fields[9])) {
                found.push(format!("{table} {}", fields[1]));
            }
        }
    }
    found
}

async fn join(stack: &Stack, username: &str) -> (Participant, Value) {
    let body = json!({"room": "one-command", "username": username});
    let made = stack.api().post("/api/session", &body).await.expect(201);
    let seen = stack.api().get(&format!("/api/session/{}", made.str("id"))).await.expect(200);
    assert!(seen.str("url").starts_with("ws://127.0.0.1:"), "{}", seen.text);
    assert_eq!(seen.str("url"), stack.dev_env("LIVEKIT_WS_URL"), "others are told");
    let person = Participant::join(seen.str("url"), seen.str("token")).unwrap_or_else(|why| panic!("{why}"));
    let participant = json!(person.identity());
    (person, participant)
}

/// Either the webhook is in INTAKE, or the room worker has made an event of it already.
async fn is_told(stack: &Stack, kind: &str, participant: &Value) {
    eventually(&format!("LiveKit tells participant_{kind}"), async || {
        let stored = stack.stored().await;
        let subject = format!("in.livekit.participant_{kind}");
        stored.iter().any(|told| told.subject == subject && told.body["participant"]["identity"] == *participant)
            || stack
                .events_of(participant.as_str().unwrap())
                .iter()
                .any(|event| event["type"] == format!("participant.{kind}"))
    })
    .await;
}

fn the_server_is_nobodys_elses_business(data: &Path) {
    let pid = server(data);
    let line = processes(data).remove(0).1;
    let config = data.join("livekit/livekit.yaml");
    assert!(line.contains("--config") && !line.contains("secret"), "{line}");
    assert!(fs::read_to_string(&config).unwrap().contains("secret"), "where else would it be");
    for file in [&config, &data.join("livekit/livekit.log")] {
        assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600, "{}", file.display());
    }
    let environment = fs::read(format!("/proc/{pid}/environ")).unwrap();
    assert!(environment.is_empty(), "our own secrets are in our environment");
    let addresses = addresses(pid);
    assert!(addresses.iter().any(|address| address.starts_with("tcp ")), "{addresses:?}");
    assert!(addresses.iter().any(|address| address.starts_with("udp ")), "{addresses:?}");
    for address in &addresses {
        assert!(address.contains(" 0100007F:"), "it listens beyond this machine: {addresses:?}");
    }
    assert_eq!(guards(pid), 1);
}

async fn killed_it_comes_back_where_it_was(stack: &Stack) {
    let before = server(stack.data_dir());
    kill_process(Pid::from_raw(before.cast_signed()).unwrap(), Signal::KILL).unwrap();
    stack.edges[0].wait_for_log("a private server is back");
    let after = server(stack.data_dir());
    assert_ne!(before, after);
    assert_eq!((guards(before), guards(after)), (0, 1));
    let (person, _) = join(stack, "Luz").await;
    person.leave();
}

#[tokio::test]
async fn one_command_and_somebody_is_in_a_room() {
    require!(LiveStudio::available());
    let stack = alone().await;
    let (ana, participant) = join(&stack, "Ana").await;
    is_told(&stack, "joined", &participant).await;
    the_server_is_nobodys_elses_business(stack.data_dir());
    ana.leave();
    is_told(&stack, "left", &participant).await;
    killed_it_comes_back_where_it_was(&stack).await;

    // Somebody who stays would keep it from ending.
    let (_stays, _) = join(&stack, "Eva").await;
    let (pid, started) = (server(stack.data_dir()), Instant::now());
    assert_eq!(stack.edges[0].terminate().code(), Some(0), "{}", stack.edges[0].logs().join("\n"));
    assert!(started.elapsed() < STOP_LIMIT, "{:?}", started.elapsed());
    assert_eq!(processes(stack.data_dir()), []);
    assert_eq!(guards(pid), 0);
}

#[test]
fn killed_we_take_it_along() {
    require!(LiveKitServer::available());
    let data = folder();
    let program = LiveKitServer::program();
    let process = up(data.path(), &[("LIVEKIT_SERVER", program.to_str().unwrap())]);
    assert!(banner(&process).contains("private, supervised"));
    let pid = server(data.path());
    process.kill9();
    wait_until("livekit-server is gone", || processes(data.path()).is_empty());
    wait_until("who watched over it is gone", || guards(pid) == 0);
    // The private nats-server is left for the next start, which ends it first, and its own in the end.
    let again = up(data.path(), &[("LIVEKIT_SERVER", "off")]);
    banner(&again);
    assert_eq!(again.terminate().code(), Some(0));
}

#[test]
fn it_is_found_where_go_puts_it_and_else_it_is_said_how_to_have_it() {
    require!(LiveKitServer::available());
    let (home, cache) = (folder(), avanzacast::nats_server::default_cache_dir());
    let env = [("HOME", home.path().to_str().unwrap()), ("AVANZACAST_CACHE_DIR", cache.to_str().unwrap())];
    let (without, with) = (folder(), folder());
    let process = up(without.path(), &env);
    let said = banner(&process);
    assert!(said.starts_with("ws://localhost:7880") && said.contains("go install github.com/livekit/"), "{said}");
    assert_eq!(process.terminate().code(), Some(0));

    let go = home.path().join("go/bin");
    fs::create_dir_all(&go).unwrap();
    symlink(LiveKitServer::program(), go.join("server")).unwrap();
    let first = up(with.path(), &env);
    let second = up(without.path(), &env);
    let addresses = [banner(&first), banner(&second)];
    assert!(addresses.iter().all(|said| said.ends_with("(private, supervised)")), "{addresses:?}");
    assert_ne!(addresses[0], addresses[1], "each has a port of its own");
    // A configured LiveKit is used, and none is started.
    let third = folder();
    let third_up = up(third.path(), &[env[0], env[1], ("LIVEKIT_WS_URL", "ws://livekit.test:7880")]);
    assert_eq!(banner(&third_up), "ws://livekit.test:7880");
    assert_eq!(processes(third.path()), []);
    let off = folder();
    let off_up = up(off.path(), &[env[0], env[1], ("LIVEKIT_SERVER", "off")]);
    assert_eq!(banner(&off_up), "ws://localhost:7880");
}

fn script(folder: &Path, text: &str) -> PathBuf {
    let path = folder.join("livekit-server");
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[test]
fn one_that_does_not_start_is_said_and_stops_nothing() {
    let (data, programs) = (folder(), folder());
    let program = script(programs.path(), "#!/bin/sh\necho no way >&2\nexit 3\n");
    let process = up(data.path(), &[("LIVEKIT_SERVER", program.to_str().unwrap())]);
    assert!(banner(&process).contains("does not start"));
    let said = process.logs().join("\n");
    assert!(said.contains("no way") && said.contains("exit status: 3"), "{said}");
    assert_eq!(process.terminate().code(), Some(0));

    let wrong = up(data.path(), &[("LIVEKIT_SERVER", "/nowhere/livekit-server")]);
    assert_eq!(wrong.wait().code(), Some(2));
    assert!(wrong.logs().join("\n").contains("LIVEKIT_SERVER must be"), "{}", wrong.logs().join("\n"));
}
