//! `avanzacast doctor`: what is broken is said, with what to do; what is well is not complained about; nothing is
//! changed, and no secret is shown.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::time::{Duration, SystemTime};

use async_nats::jetstream::{
    self,
    consumer::{FromConsumer, pull, push},
};
use avanzacast_schemas::bus::BusUser;
use avanzacast_tests::{Launch, Postgres, Stack, StackOptions, require};
use futures::StreamExt;
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use tempfile::TempDir;

pub(super) type Env = Vec<(String, String)>;

pub(super) struct Report {
    pub(super) code: Option<i32>,
    pub(super) lines: Vec<String>,
}

impl Report {
    /// The line about this, with its level.
    pub(super) fn line(&self, level: &str, check: &str) -> &str {
        let start = format!("{level:<8} {check:<18} ");
        self.lines
            .iter()
            .find(|line| line.starts_with(&start))
            .unwrap_or_else(|| panic!("no {start:?}: {:#?}", self.lines))
    }

    fn problems(&self) -> Vec<&String> {
        self.lines.iter().filter(|line| line.starts_with("problem ")).collect()
    }
}

pub(super) fn doctor(role: &str, env: &Env, secrets: &[&str]) -> Report {
    let process = Launch::product(&["doctor", "--role", role]).envs(env.clone()).start();
    secrets.iter().for_each(|secret| process.forbid_in_logs(secret));
    let code = process.wait().code();
    Report { code, lines: process.logs() }
}

pub(super) fn pairs(all: &[(&str, &str)]) -> Env {
    all.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

pub(super) fn folder() -> TempDir {
    tempfile::Builder::new().prefix("avanzacast-doctor-").tempdir().unwrap()
}

/// Answers as livekit-server does, with a clock that may be wrong, and takes tokens of one key.
fn livekit(key: &str, secret: &str, clock: Duration) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    let (key, secret) = (key.to_owned(), secret.to_owned());
    // It ends with the test program.
    std::thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            let mut head = Vec::new();
            let mut reader = BufReader::new(&connection);
            while !head.ends_with(b"\r\n\r\n") && reader.read_until(b'\n', &mut head).is_ok_and(|read| read > 0) {}
            let head = String::from_utf8_lossy(&head).into_owned();
            let (status, body) = answer(&head, &key, &secret);
            let date = Timestamp::try_from(SystemTime::now() + clock).unwrap().strftime("%a, %d %b %Y %H:%M:%S GMT");
            let length = body.len();
            let answer = format!(
                "HTTP/1.1 {status} Some\r\ndate: {date}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
            );
            drop((&connection).write_all(answer.as_bytes()));
        }
    });
    url
}

fn answer(head: &str, key: &str, secret: &str) -> (u16, String) {
    if head.starts_with("GET / ") {
        return (200, "OK".to_owned());
    }
    assert!(head.starts_with("GET /rtc/validate HTTP"), "a token must not stand in a path: {head}");
    let bearer = head.lines().find_map(|line| line.strip_prefix("authorization: Bearer ")).unwrap();
    let mut validation = Validation::new(Algorithm::HS256);
    validation.set_issuer(&[key]);
    let decoded =
        jsonwebtoken::decode::<serde_json::Value>(bearer, &DecodingKey::from_secret(secret.as_bytes()), &validation);
    match decoded {
        Ok(token) if token.claims["video"]["roomJoin"] == true => (200, "success".to_owned()),
        // As releases before 1.14 say it.
        _ => (401, format!("invalid token: {bearer}, error: no")),
    }
}

#[test]
fn with_nothing_configured_it_is_of_use_and_leaves_no_trace() {
    let folder = folder();
    let data = folder.path().join("data");
    let env = pairs(&[("DATA_DIR", data.to_str().unwrap()), ("LIVEKIT_URL", "ws://127.0.0.1:9")]);
    let report = doctor("up", &env, &[]);
    assert_eq!(report.code, Some(0), "{:#?}", report.lines);
    assert!(report.line("ok", "configuration").contains("development"));
    assert!(report.line("ok", "bus").contains("avanzacast up"));
    assert!(report.line("ok", "database").contains("not there yet"));
    assert!(report.line("warning", "LiveKit").contains("127.0.0.1:9"));
    report.line("ok", "disk");
    assert!(!data.exists(), "it makes nothing");
}

#[test]
fn without_livekits_client_it_says_how_to_have_it() {
    let folder = folder();
    let mut env = pairs(&[("DATA_DIR", folder.path().to_str().unwrap()), ("LIVEKIT_URL", "ws://127.0.0.1:9")]);
    assert!(doctor("up", &env, &[]).line("ok", "livekit-client").contains("off"));
    // Nothing is said of where it should be.
    env.extend(pairs(&[("LIVEKIT_CLIENT", "")]));
    let place = folder.path().join("livekit-client");
    fs::create_dir(&place).unwrap();
    let file = place.join(format!("livekit-client-{}.mjs", avanzacast::livekit_client::VERSION));
    for wrong in [None, Some("export {}")] {
        wrong.into_iter().for_each(|text| fs::write(&file, text).unwrap());
        let report = doctor("up", &env, &[]);
        assert_eq!(report.code, Some(0), "{:#?}", report.lines);
        let advice = format!("avanzacast livekit-client --out {}", file.display());
        assert!(report.line("warning", "livekit-client").contains(&advice), "{:#?}", report.lines);
    }
    env.extend(pairs(&[("DATA_DIR", folder.path().join("new").to_str().unwrap())]));
    assert!(doctor("up", &env, &[]).line("ok", "livekit-client").contains("avanzacast up"));
}

#[tokio::test]
async fn beside_a_running_up_it_finds_the_private_bus() {
    let stack = Stack::sqlite().await;
    let secrets: Vec<String> = BusUser::ALL.map(|user| stack.dev_env(user.password_variable())).into();
    let secrets: Vec<&str> = secrets.iter().map(String::as_str).chain([stack.secret()]).collect();
    let env = pairs(&[("DATA_DIR", stack.data_dir().to_str().unwrap()), ("LIVEKIT_URL", "ws://127.0.0.1:9")]);
    let report = doctor("up", &env, &secrets);
    assert_eq!(report.code, Some(0), "{:#?}", report.lines);
    for check in ["bus", "JetStream", "database", "migrations", "ledger", "EVENTS", "INTAKE", "DEAD", "bucket sessions"]
    {
        report.line("ok", check);
    }
    assert!(report.line("ok", "sync_interval").contains("always"));
    report.line("ok", "bucket sessions");
}

/// Production, and everything as it should be.
struct Well {
    stack: Stack,
    env: Env,
}

impl Well {
    async fn start() -> Self {
        let stack = Stack::postgres(StackOptions::default()).await;
        let (key, secret) = stack.livekit();
        let url = livekit(key, secret, Duration::ZERO);
        let database = stack.cluster().url(stack.database.as_deref().unwrap());
        let nats = stack.nats.as_ref().unwrap();
        let mut env = pairs(&[
            ("DATABASE_URL", &database),
            ("LIVEKIT_URL", &url),
            ("LIVEKIT_API_KEY", key),
            ("LIVEKIT_API_SECRET", secret),
            ("BACKEND_REGISTER_SECRET", stack.secret()),
            ("PUBLIC_URL", "https://backend.test"),
            ("OPEN_ENDPOINTS", "none"),
        ]);
        for user in BusUser::ALL {
            env.extend(nats.environment(user));
        }
        Self { stack, env }
    }

    fn doctor(&self, role: &str, changes: &[(&str, &str)]) -> Report {
        let changed = |name: &str| changes.iter().any(|(other, _)| *other == name);
        let mut env: Env = self.env.iter().filter(|(name, _)| !changed(name)).cloned().collect();
        env.extend(pairs(changes));
        let secrets = env.iter().filter(|(name, _)| name.ends_with("PASSWORD") || name.ends_with("SECRET"));
        let secrets: Vec<&str> = secrets.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty()).collect();
        doctor(role, &env, &secrets)
    }

    async fn admin(&self) -> jetstream::Context {
        jetstream::new(self.stack.nats.as_ref().unwrap().connect(BusUser::Admin).await)
    }
}

async fn every_role_is_well(well: &Well) {
    for role in ["up", "edge", "worker", "session-worker", "studio-worker", "room-worker", "audit-worker", "provision"]
    {
        let report = well.doctor(role, &[]);
        assert_eq!(report.code, Some(0), "{role}: {:#?}", report.lines);
        report.line("ok", "EVENTS");
        // The one thing that nobody can see from outside, and says so.
        assert!(report.line("warning", "sync_interval").contains("cannot be read"));
        let warnings = report.lines.iter().filter(|line| line.starts_with("warning")).count();
        assert_eq!(warnings, 1, "{role}: {:#?}", report.lines);
    }
    // Without the operator's password a role sees what it may see.
    let alone = |role| well.doctor(role, &[("NATS_ADMIN_PASSWORD", "")]);
    assert!(alone("edge").line("ok", "bucket sessions").contains("there"));
    let worker = alone("session-worker");
    for check in ["EVENTS", "consumer session", "ledger", "LiveKit key", "LiveKit's clock", "database's clock", "fsync"]
    {
        worker.line("ok", check);
    }
    assert_eq!(worker.code, Some(0), "{:#?}", worker.lines);
}

async fn a_wrong_credential_is_named(well: &Well) {
    let report = well.doctor("session-worker", &[("NATS_SESSION_PASSWORD", "notMyPassword1")]);
    assert_eq!(report.code, Some(1));
    assert!(report.line("problem", "bus").contains("NATS_SESSION_PASSWORD"), "{:#?}", report.lines);
    let report = well.doctor("session-worker", &[("LIVEKIT_API_SECRET", "another-secret-of-at-least-32-bytes!")]);
    assert_eq!(report.code, Some(1));
    assert!(report.line("problem", "LiveKit key").contains("LIVEKIT_API_SECRET"), "{:#?}", report.lines);
    assert!(
        !report.lines.iter().any(|line| line.contains("eyJ")),
        "LiveKit's answer holds the token: {:#?}",
        report.lines
    );
    let short =
        well.doctor("edge", &[("BACKEND_REGISTER_SECRET", "shortish-one, another-secret-of-at-least-32-bytes!!")]);
    assert!(short.line("warning", "backend secret").contains("12 bytes"), "{:#?}", short.lines);
    assert_eq!(short.code, Some(0), "it works");
}

async fn what_does_not_answer_is_named(well: &Well) {
    let nowhere = [
        ("NATS_URL", "nats://ana:hidden@127.0.0.1:9", "bus"),
        ("DATABASE_URL", "postgres://ana:hidden@127.0.0.1:9/db", "database"),
        ("LIVEKIT_URL", "ws://127.0.0.1:9", "LiveKit"),
    ];
    for (name, url, check) in nowhere {
        let report = well.doctor("session-worker", &[(name, url)]);
        assert_eq!(report.code, Some(1), "{:#?}", report.lines);
        assert!(report.line("problem", check).contains("127.0.0.1:9"), "{:#?}", report.lines);
        assert_eq!(report.problems().len(), 1, "one cause, one problem: {:#?}", report.lines);
        assert!(!report.lines.iter().any(|line| line.contains("hidden")), "{:#?}", report.lines);
    }
}

async fn an_open_production_is_told_so(well: &Well) {
    let report = well.doctor("edge", &[("OPEN_ENDPOINTS", ""), ("ALLOW_ALL_CORS", "1")]);
    let doors = report.line("warning", "open doors");
    assert!(doors.contains("session, token") && doors.contains("OPEN_ENDPOINTS"), "{doors}");
    report.line("warning", "CORS");
}

async fn clocks_apart_are_seen(well: &Well) {
    let (key, secret) = well.stack.livekit();
    let url = livekit(key, secret, Duration::from_secs(300));
    let report = well.doctor("session-worker", &[("LIVEKIT_URL", &url)]);
    assert_eq!(report.code, Some(1));
    assert!(report.line("problem", "LiveKit's clock").contains("ahead"), "{:#?}", report.lines);
}

async fn streams_that_differ_or_are_gone_are_seen(well: &Well) {
    let admin = well.admin().await;
    let mut config = admin.get_stream("DEAD").await.unwrap().cached_info().config.clone();
    config.max_age = Duration::from_secs(3_600);
    admin.update_stream(config).await.unwrap();
    let report = well.doctor("provision", &[]);
    assert_eq!(report.code, Some(0), "{:#?}", report.lines);
    assert!(report.line("warning", "DEAD").contains("max_age"), "{:#?}", report.lines);
    admin.delete_stream("KV_sessions").await.unwrap();
    let report = well.doctor("provision", &[]);
    assert_eq!(report.code, Some(1));
    assert!(report.line("problem", "bucket sessions").contains("avanzacast provision"), "{:#?}", report.lines);
    let edge = well.doctor("edge", &[("NATS_ADMIN_PASSWORD", "")]);
    assert!(edge.line("warning", "bucket sessions").contains("avanzacast provision"), "{:#?}", edge.lines);
    well.stack.provision();
    assert_eq!(well.doctor("provision", &[]).code, Some(0), "and the advice helps");
}

/// A message that was tried as often as a consumer allowed, by an operator's mistake, waits for nobody.
async fn a_message_that_nobody_will_take_is_seen(well: &Well) {
    let admin = well.admin().await;
    let intake = admin.get_stream("INTAKE").await.unwrap();
    let room = intake.get_consumer::<pull::Config>("room").await.unwrap();
    let mut config = pull::Config::try_from_consumer_config(room.cached_info().config.clone()).unwrap();
    (config.max_deliver, config.ack_wait) = (1, Duration::from_secs(1));
    let room = intake.create_consumer(config).await.unwrap();
    admin.publish("in.livekit.room_started", "{}".into()).await.unwrap().await.unwrap();
    let waits = well.doctor("provision", &[]);
    assert!(waits.line("ok", "stranded").contains("waits"), "{:#?}", waits.lines);
    let pull = async || {
        let mut all = room.batch().max_messages(1).expires(Duration::from_secs(1)).messages().await.unwrap();
        all.next().await.is_some()
    };
    assert!(pull().await);
    let out = well.doctor("provision", &[]);
    assert!(out.line("ok", "stranded").contains("waits"), "who has it may still apply it: {:#?}", out.lines);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(!pull().await, "it is delivered no more");
    well.stack.provision();
    let report = well.doctor("provision", &[]);
    assert_eq!(report.code, Some(1));
    let line = report.line("problem", "stranded");
    assert!(line.contains("1 messages") && line.contains("consumer rm INTAKE"), "{line}");
    intake.delete_consumer("room").await.unwrap();
    well.stack.provision();
    let report = well.doctor("provision", &[]);
    assert_eq!(report.code, Some(0), "and the advice helps: {:#?}", report.lines);
    assert!(report.line("ok", "consumer room").contains("1 messages wait"), "{:#?}", report.lines);
    intake.purge().await.unwrap();
}

async fn events_that_are_sent_somewhere_are_seen(well: &Well) {
    let events = well.admin().await.get_stream("EVENTS").await.unwrap();
    let config = push::Config {
        durable_name: Some("leak".to_owned()),
        deliver_subject: "cmd.token.register".to_owned(),
        ..push::Config::default()
    };
    events.create_consumer(config).await.unwrap();
    let report = well.doctor("provision", &[]);
    assert_eq!(report.code, Some(0), "{:#?}", report.lines);
    assert!(report.line("warning", "pushed events").contains("leak to cmd.token.register"), "{:#?}", report.lines);
    events.delete_consumer("leak").await.unwrap();
    well.doctor("provision", &[]).line("ok", "pushed events");
}

/// As after an old backup was restored: EVENTS knows more than the ledger.
async fn a_ledger_that_lost_events_is_seen(well: &Well) {
    let relay = jetstream::new(well.stack.nats.as_ref().unwrap().connect(BusUser::Session).await);
    relay.publish("evt.session.created", "{}".into()).await.unwrap().await.unwrap();
    let report = well.doctor("session-worker", &[]);
    assert_eq!(report.code, Some(1));
    assert!(report.line("problem", "ledger").contains("ledger_behind"), "{:#?}", report.lines);
    let future = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
        VALUES (9999, 'of a newer release', true, '\\x00', 0)";
    well.stack.sql(future);
    let report = well.doctor("session-worker", &[]);
    assert!(report.line("problem", "migrations").contains("9999"), "{:#?}", report.lines);
    let another = well.stack.cluster().create_database("doctor_another");
    let report = well.doctor("session-worker", &[("DATABASE_URL", &another)]);
    assert!(report.line("warning", "migrations").contains("no tables"), "{:#?}", report.lines);
    let tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'";
    assert_eq!(well.stack.cluster().query("doctor_another", tables), "0", "it makes no table");
}

#[tokio::test]
async fn in_production_each_trouble_has_its_line() {
    require!(Postgres::available());
    let well = Well::start().await;
    every_role_is_well(&well).await;
    a_wrong_credential_is_named(&well).await;
    what_does_not_answer_is_named(&well).await;
    an_open_production_is_told_so(&well).await;
    clocks_apart_are_seen(&well).await;
    streams_that_differ_or_are_gone_are_seen(&well).await;
    a_message_that_nobody_will_take_is_seen(&well).await;
    events_that_are_sent_somewhere_are_seen(&well).await;
    a_ledger_that_lost_events_is_seen(&well).await;
}

#[test]
fn wrong_configuration_is_2_and_lists_all_of_it() {
    let env = pairs(&[("PORT", "many"), ("METRICS_ADDR", "here"), ("LIVEKIT_URL", "ftp://x")]);
    let report = doctor("up", &env, &[]);
    assert_eq!(report.code, Some(2));
    let said = report.lines.join("\n");
    for name in ["PORT", "METRICS_ADDR", "LIVEKIT_WS_URL"] {
        assert!(said.contains(name), "{name}: {said}");
    }
    let report = doctor("session-worker", &Vec::new(), &[]);
    assert_eq!(report.code, Some(2));
    assert!(report.lines.join("\n").contains("NATS_SESSION_PASSWORD"));
}
