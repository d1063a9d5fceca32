//! `avanzacast up`: one command starts everything, says how to use it, and ends all of it.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use async_nats::jetstream;
use avanzacast_tests::{Api, Launch, Postgres, Process, Stack, require};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use tempfile::TempDir;

const BANNER_LIMIT: Duration = Duration::from_secs(20);

fn up(data: &Path, env: &[(&str, &str)]) -> Process {
    let launch = Launch::product(&["up"]).env("DATA_DIR", data).env("PORT", "0").env("LIVEKIT_URL", "ws://127.0.0.1:9");
    env.iter().fold(launch, |launch, (name, value)| launch.env(name, *value)).start()
}

fn folder() -> TempDir {
    tempfile::Builder::new().prefix("avanzacast-up-").tempdir().unwrap()
}

/// The line of its output that begins so, once it is there.
fn line(process: &Process, start: &str) -> String {
    let deadline = Instant::now() + BANNER_LIMIT;
    loop {
        if let Some(line) = process.logs().iter().find_map(|line| line.trim().strip_prefix(start).map(str::to_owned)) {
            return line.trim().to_owned();
        }
        assert!(Instant::now() < deadline, "no line {start:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Whether a nats-server with this store runs.
fn nats_runs(data: &Path) -> bool {
    let pids = fs::read_dir("/proc").unwrap().filter_map(|entry| fs::read(entry.ok()?.path().join("cmdline")).ok());
    let wanted = data.to_string_lossy().into_owned();
    let mut lines = pids.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    lines.any(|line| line.contains("nats-server") && line.contains(&wanted))
}

/// A closed terminal is a stop as any other, and nothing runs on; `nohup` is taken at its word.
#[test]
fn a_closed_terminal_stops_it_unless_it_is_to_survive_that() {
    let with = |signal: &str, data: &Path| {
        let program = avanzacast_tests::binary();
        let launch = Launch::program("env", &[signal, program.to_str().unwrap(), "up"]).env("LIVEKIT_CLIENT", "off");
        launch.env("DATA_DIR", data).env("PORT", "0").env("LIVEKIT_URL", "ws://127.0.0.1:9").start()
    };
    let hang_up = |process: &Process| kill_process(Pid::from_raw(process.pid()).unwrap(), Signal::HUP).unwrap();
    let (folder, other) = (folder(), folder());
    let (stops, survives) = (with("--default-signal=HUP", folder.path()), with("--ignore-signal=HUP", other.path()));
    for process in [&stops, &survives] {
        process.wait_for_log("listening");
        hang_up(process);
    }
    assert!(stops.wait().success());
    assert!(!nats_runs(folder.path()));
    assert_eq!(survives.status(), None);
    assert!(survives.terminate().success());
}

/// Whoever could read it would have every link.
#[test]
fn what_it_keeps_is_its_owners_alone() {
    let (folder, mode) = (folder(), |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777);
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let data = folder.path().join("data");
    let process = up(&data, &[]);
    process.wait_for_log("listening");
    assert_eq!((mode(&data), mode(folder.path())), (0o700, 0o755), "a folder that was there stays as it was");
    for file in ["avanzacast.db", "avanzacast.db-wal", "avanzacast.db-shm"] {
        assert_eq!(mode(&data.join(file)), 0o600, "{file}");
    }
    assert!(process.terminate().success());
}

#[tokio::test]
async fn another_program_joins_by_dev_env() {
    let stack = Stack::sqlite().await;
    let admin = stack.admin().await;
    assert!(jetstream::new(admin).get_stream("EVENTS").await.is_ok());
    let file = stack.data_dir().join("dev.env");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600, "it holds passwords");
    for user in ["EDGE", "SESSION", "STUDIO", "ROOM", "AUDIT", "TOKEN_SERVER", "ADMIN"] {
        assert!(stack.dev_env(&format!("NATS_{user}_PASSWORD")).len() >= 24);
    }
    assert_eq!(stack.dev_env("BACKEND_REGISTER_SECRET"), stack.secret());
    // A shell takes it as it is.
    let script = r#"set -eu; . "$1/dev.env"; curl -fsS "$(sed -n 's/^[A-Z_]*=\(http.*\)$/\1/p' "$1/dev.env")/livez""#;
    let output = Command::new("sh").args(["-c", script, "sh"]).arg(stack.data_dir()).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "ok", "{output:?}");
}

#[tokio::test]
async fn the_lines_that_it_prints_work_when_pasted() {
    let data = folder();
    let process = up(data.path(), &[]);
    let base = format!("http://localhost:{}", process.addr().port());
    assert_eq!(line(&process, "HTTP"), base);
    line(&process, "Ctrl-C");
    let curls: Vec<String> =
        process.logs().iter().map(|line| line.trim().to_owned()).filter(|line| line.contains("curl -s")).collect();
    assert_eq!(curls.len(), 3, "{curls:#?}");
    let output = Command::new("sh").args(["-eu", "-c", &curls.join("\necho\n")]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}");
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].contains("\"checks\""), "{text}");
    let consumed: serde_json::Value = serde_json::from_str(lines.last().unwrap()).unwrap();
    assert_eq!(consumed["id"], json!(lines[1]), "{text}");
    assert!(consumed["token"].is_string(), "{text}");
    // Nothing configured: our own pages, this machine, LiveKit's development address.
    let created = Api::new(process.addr()).post("/api/session", &json!({"room": "r", "username": "Ana"})).await;
    let created = created.expect(201);
    assert_eq!(created.str("studioUrl"), format!("{base}/studio/{}", created.str("id")));
    assert_eq!(created.str("redirectUrl"), format!("{base}/panel/{}", created.str("id")));
    assert!(process.addr().ip().is_loopback());
}

#[tokio::test]
async fn either_signal_ends_all_of_it_cleanly() {
    for signal in [Signal::TERM, Signal::INT] {
        let data = folder();
        let process = up(data.path(), &[]);
        let addr = process.addr();
        assert!(nats_runs(data.path()), "the check itself works");
        kill_process(Pid::from_raw(process.pid()).unwrap(), signal).unwrap();
        let started = Instant::now();
        assert_eq!(process.wait().code(), Some(0), "{signal:?}\n{}", process.logs().join("\n"));
        assert!(started.elapsed() < Duration::from_secs(15));
        assert!(!nats_runs(data.path()), "nats-server is gone");
        assert!(TcpListener::bind(addr).is_ok(), "the port is free");
    }
}

#[tokio::test]
async fn a_second_one_on_the_same_data_refuses_and_hurts_nothing() {
    let data = folder();
    let first = up(data.path(), &[]);
    let addr = first.addr();
    let before = {
        line(&first, "Ctrl-C");
        fs::read(data.path().join("dev.env")).unwrap()
    };
    let second = up(data.path(), &[]);
    assert_eq!(second.wait().code(), Some(1));
    assert!(second.logs().iter().any(|line| line.contains("another avanzacast runs on")), "{:#?}", second.logs());
    Api::new(addr).post("/api/session", &json!({"room": "r", "username": "Ana"})).await.expect(201);
    assert_eq!(fs::read(data.path().join("dev.env")).unwrap(), before);
}

#[tokio::test]
async fn a_port_that_is_taken_is_said_and_nothing_is_left() {
    let (data, taken) = (folder(), TcpListener::bind("127.0.0.1:0").unwrap());
    let port = taken.local_addr().unwrap().port().to_string();
    let process = up(data.path(), &[("PORT", &port)]);
    assert_eq!(process.wait().code(), Some(1));
    let said = process.logs().join("\n");
    assert!(said.contains(&port), "which address is taken? {said}");
    assert!(said.to_lowercase().contains("in use"), "{said}");
    assert!(!nats_runs(data.path()) && !data.path().join("dev.env").exists());
}

#[tokio::test]
async fn every_mistake_in_the_configuration_is_listed_at_once() {
    let data = folder();
    let wrong = [
        ("PORT", "many"),
        ("HOST", "0.0.0.0"),
        ("SESSION_TTL_SECONDS", "0"),
        ("TOKEN_TTL_SECONDS", "soon"),
        ("DATABASE_URL", "mysql://x"),
        ("LIVEKIT_URL", "ftp://x"),
        ("VITE_STUDIO_URL", "studio"),
        ("EVENTS_RETENTION_DAYS", "-1"),
    ];
    let process = up(data.path(), &wrong);
    assert_eq!(process.wait().code(), Some(2));
    let said = process.logs().join("\n");
    for (name, value) in wrong {
        let name = if name == "LIVEKIT_URL" { "LIVEKIT_WS_URL" } else { name };
        assert!(said.contains(name), "{name}={value} is not mentioned: {said}");
    }
    assert!(!nats_runs(data.path()) && !data.path().join("avanzacast.db").exists(), "before anything starts");
}

async fn create(process: &Process, room: &str) -> String {
    let created = Api::new(process.addr()).post("/api/session", &json!({"room": room, "username": "Ana"})).await;
    format!("/api/session/{}", created.expect(201).str("id"))
}

#[tokio::test]
async fn what_was_answered_survives_a_kill() {
    let mut stack = Stack::sqlite().await;
    let mut paths = Vec::new();
    for round in 0..3 {
        let path = create(&stack.edges[0], &format!("room-{round}")).await;
        paths.push((path.clone(), stack.api().get(&path).await.expect(200).text));
        stack.restart_up();
        for (path, text) in &paths {
            assert_eq!(&stack.api().get(path).await.expect(200).text, text, "the same token, byte for byte");
        }
    }
    assert_eq!(stack.ledger().len(), 3);
}

/// Data stays where it was made, and the private EVENTS follows the ledger that is in use.
#[tokio::test]
async fn first_on_sqlite_then_on_postgresql_then_back() {
    require!(Postgres::available());
    let data = folder();
    let url = Postgres::shared().create_database("there_and_back");
    let on_postgres = [("DATABASE_URL", url.as_str())];
    let mut paths: Vec<String> = Vec::new();
    for (round, env) in [&[][..], &on_postgres, &[], &on_postgres].into_iter().enumerate() {
        let process = up(data.path(), env);
        let api = Api::new(process.addr());
        for (made, path) in paths.iter().enumerate() {
            let answer = api.get(path).await;
            if made % 2 == round % 2 {
                answer.expect(200);
            } else {
                answer.problem(404, "session_not_found");
            }
        }
        paths.push(create(&process, "there-and-back").await);
        process.wait_for_log("ledger and EVENTS agree");
        assert_eq!(process.terminate().code(), Some(0));
    }
    assert_eq!(Postgres::shared().query("there_and_back", "SELECT size FROM ledger_head"), "2");
}
