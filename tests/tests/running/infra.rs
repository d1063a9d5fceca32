//! The image and the composition, read by the tools that others read them with; no container is started.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use avanzacast_tests::{Launch, require, workspace_root};
use serde_json::Value;

/// Our roles in the composition, and what a stranger who breaks into one must not find there.
const ROLES: [(&str, &[&str]); 6] = [
    ("edge", &["DATABASE_URL", "LIVEKIT_API_SECRET", "NATS_ADMIN_PASSWORD", "NATS_SESSION_PASSWORD"]),
    ("session-worker", &["BACKEND_REGISTER_SECRET", "NATS_ADMIN_PASSWORD", "NATS_EDGE_PASSWORD"]),
    ("studio-worker", &["BACKEND_REGISTER_SECRET", "LIVEKIT_API_SECRET", "NATS_ADMIN_PASSWORD"]),
    ("room-worker", &["BACKEND_REGISTER_SECRET", "NATS_ADMIN_PASSWORD", "NATS_SESSION_PASSWORD"]),
    ("audit-worker", &["BACKEND_REGISTER_SECRET", "LIVEKIT_API_SECRET", "NATS_ADMIN_PASSWORD"]),
    ("provision", &["BACKEND_REGISTER_SECRET", "LIVEKIT_API_SECRET", "NATS_EDGE_PASSWORD"]),
];

fn file(path: &str) -> String {
    fs::read_to_string(workspace_root().join(path)).unwrap()
}

/// The names in `example.env`, each with a value that will do.
fn variables() -> BTreeMap<String, String> {
    let (text, compose) = (file("infra/example.env"), file("infra/compose.yaml"));
    let lines = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('='));
    let filled = lines.map(|(name, value)| match (name, value) {
        // May stay empty.
        (_, "") if compose.contains(&format!("${{{name}:-}}")) => (name.to_owned(), String::new()),
        (_, "") => (name.to_owned(), "p1234567890123456789012345678901234567890".to_owned()),
        (_, value) => (name.to_owned(), value.to_owned()),
    });
    filled.collect()
}

fn go_available() -> Result<(), String> {
    let found = Command::new("go").arg("version").output();
    found.map(drop).map_err(|error| format!("Go is not installed ({error}): it runs Docker Compose's own reader"))
}

/// The composition as Docker Compose's own library reads it, with nothing else in the environment than these.
fn compose(variables: &BTreeMap<String, String>) -> Output {
    let kept = ["PATH", "HOME", "GOPROXY", "GOFLAGS", "GONOSUMDB", "GOSUMDB", "GOMODCACHE", "GOCACHE"];
    let kept = kept.into_iter().filter_map(|name| Some((name, std::env::var_os(name)?)));
    let mut go = Command::new("go");
    go.args(["run", "."]).arg(workspace_root().join("infra/compose.yaml"));
    go.current_dir(workspace_root().join("tests/clients/compose")).env_clear().envs(kept).envs(variables);
    go.output().unwrap()
}

fn composed() -> Value {
    let output = compose(&variables());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn environment(service: &Value) -> BTreeMap<String, String> {
    let all = service["environment"].as_object().unwrap();
    all.iter().map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned())).collect()
}

/// Every word between quotes in our sources that looks like a variable's name.
fn known_to_the_program() -> BTreeSet<String> {
    fn read(folder: &Path, found: &mut BTreeSet<String>) {
        for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() {
                read(&entry, found);
            } else if entry.extension().is_some_and(|kind| kind == "rs") {
                let text = fs::read_to_string(entry).unwrap();
                let names = text.split('"').filter(|word| word.len() > 3 && word.bytes().all(is_name));
                found.extend(names.map(str::to_owned));
            }
        }
    }
    let mut found = BTreeSet::new();
    for folder in ["services", "schemas/src"] {
        read(&workspace_root().join(folder), &mut found);
    }
    found
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_'
}

#[test]
fn every_variable_is_asked_for_by_name_and_known() {
    let text = file("infra/compose.yaml");
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with('#')).collect();
    let asked = lines.iter().flat_map(|line| line.split("${").skip(1)).map(|rest| {
        let name = rest.bytes().take_while(|byte| is_name(*byte)).count();
        assert!(rest[name..].starts_with(":?") || rest[name..].starts_with(":-"), "say what is missing: {rest}");
        rest[..name].to_owned()
    });
    let asked: BTreeSet<String> = asked.collect();
    let named: BTreeSet<String> = variables().into_keys().collect();
    assert_eq!(asked, named, "compose.yaml and example.env");
    // The database's is PostgreSQL's own; of the rest each is one that the program reads.
    let known = known_to_the_program();
    let unknown: Vec<_> = asked.iter().filter(|name| !known.contains(*name) && *name != "POSTGRES_PASSWORD").collect();
    assert!(unknown.is_empty(), "{unknown:?}");
    assert!(!known.contains("POSTGRES_PASSWORD"), "the check itself works");
}

/// What a composition gives no role, because it stands in it or means nothing there.
const LEFT_OUT: [&str; 18] = [
    "ALLOW_ALL_CORS",
    "AUDIT_CHECKPOINT_FILE",
    "AUDIT_CHECKPOINT_URL",
    "AVANZACAST_CACHE_DIR",
    "AVANZACAST_DEV",
    "AVANZACAST_URL",
    "DATABASE_URL",
    "DATA_DIR",
    "HOST",
    "LIVEKIT_CLIENT",
    "LIVEKIT_INTERNAL_URL",
    "LIVEKIT_SERVER",
    "LIVEKIT_URL",
    "MEET_COMPAT",
    "METRICS_ADDR",
    "NATS_REPLICAS",
    "NATS_URL",
    "PORT",
];

/// Whatever the README says can be set can be set here.
#[test]
fn every_variable_is_passed_on_or_left_out_on_purpose() {
    let readme = file("README.md");
    let table = readme.split("| variable | default | meaning |").nth(1).unwrap().split("\n\n").next().unwrap();
    let named = table.lines().filter_map(|row| row.split('|').nth(1)).flat_map(|names| names.split('`'));
    let named: BTreeSet<&str> = named.filter(|word| word.len() > 3 && word.bytes().all(is_name)).collect();
    assert!(named.len() > 40, "{named:?}");
    let compose = file("infra/compose.yaml");
    let missing: Vec<&&str> = named
        .iter()
        .filter(|name| !LEFT_OUT.contains(name) && !["REDIS_URL", "RUST_LOG"].contains(name))
        .filter(|name| !compose.contains(&format!("${{{name}:")))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
    let needless: Vec<_> = LEFT_OUT.iter().filter(|name| !named.contains(**name)).collect();
    assert!(needless.is_empty(), "{needless:?}");
}

#[test]
fn compose_reads_it_and_says_what_is_missing() {
    require!(go_available());
    let (whole, known) = (composed(), known_to_the_program());
    for (role, secrets) in ROLES {
        let service = &whole["services"][role];
        let environment = environment(service);
        for name in environment.keys() {
            assert!(known.contains(name), "{role}: the program reads no {name}");
        }
        for secret in secrets {
            assert!(!environment.contains_key(*secret), "{role} needs no {secret}");
        }
        assert_eq!(service["command"], serde_json::json!([role]));
        assert_eq!(service["read_only"], true, "{role}");
    }
    let services = whole["services"].as_object().unwrap();
    let published: Vec<&String> =
        services.iter().filter(|(_, one)| one["ports"].is_array()).map(|(name, _)| name).collect();
    assert_eq!(published, ["edge", "livekit"]);
    for needed in ["NATS_STUDIO_PASSWORD", "BACKEND_REGISTER_SECRET", "LIVEKIT_WS_URL", "POSTGRES_PASSWORD"] {
        let mut some = variables();
        some.remove(needed);
        let output = compose(&some);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(&format!("required variable {needed} is missing")), "{said}");
    }
}

/// LiveKit tells the edge what happens, over a network that both are in, signed by the key that the worker knows.
#[test]
fn livekit_tells_the_edge() {
    require!(go_available());
    let whole = composed();
    let (livekit, edge) = (&whole["services"]["livekit"], &whole["services"]["edge"]);
    let environment = environment(livekit);
    let config = &environment["LIVEKIT_CONFIG"];
    let (key, _) = environment["LIVEKIT_KEYS"].split_once(": ").unwrap();
    assert_eq!(key, whole["services"]["session-worker"]["environment"]["LIVEKIT_API_KEY"]);
    assert!(config.contains(&format!("api_key: {key}\n")), "{config}");
    let path = "/api/livekit/webhook";
    let port = edge["ports"][0]["target"].as_u64().unwrap();
    assert!(config.contains(&format!("urls: [\"http://edge:{port}{path}\"]")), "{config}");
    assert!(file("schemas/openapi.json").contains(&format!("\"{path}\": {{")));
    let networks = |service: &Value| service["networks"].as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
    assert!(!networks(livekit).is_disjoint(&networks(edge)));
}

/// What the composition gives a role is all that it needs: none refuses it as incomplete.
#[test]
fn each_role_has_what_it_needs() {
    require!(go_available());
    let whole = composed();
    for (role, _) in ROLES {
        let environment = environment(&whole["services"][role]);
        // Nobody is at these addresses; they are looked for after the configuration was read.
        let doctor = Launch::product(&["doctor", "--role", role]).envs(environment).start();
        let code = doctor.wait().code();
        assert_eq!(code, Some(1), "{role}: {:#?}", doctor.logs());
        assert!(doctor.logs().iter().any(|line| line.starts_with("ok ") && line.contains("complete")), "{role}");
        let known = Launch::product(&[role, "--help"]).start();
        assert_eq!(known.wait().code(), Some(0), "{role}");
    }
}

/// The value of `name = "…"` or `name: &str = "…"` in a file of ours.
fn constant(path: &str, start: &str) -> String {
    let text = file(path);
    let line = text.lines().find(|line| line.starts_with(start)).unwrap_or_else(|| panic!("no {start} in {path}"));
    line.split('"').nth(1).unwrap().to_owned()
}

#[test]
fn every_image_is_pinned_to_what_is_tested() {
    let (compose, dockerfile) = (file("infra/compose.yaml"), file("infra/Dockerfile"));
    let images = compose.lines().filter_map(|line| line.trim().strip_prefix("image: "));
    let bases =
        dockerfile.lines().filter_map(|line| line.strip_prefix("FROM ")).map(|rest| rest.split(' ').next().unwrap());
    let all: Vec<&str> = images.chain(bases).collect();
    assert_eq!(all.len(), 7, "{all:?}");
    for image in &all {
        let tag = image.split_once(':').unwrap_or_else(|| panic!("{image} has no tag")).1;
        let version = tag.trim_start_matches('v').split('-').next().unwrap();
        let exact = version.split('.').count() >= 2 && version.split('.').all(|part| part.parse::<u32>().is_ok());
        assert!(exact, "{image} is not pinned");
    }
    let rust = constant("rust-toolchain.toml", "channel");
    assert!(all.iter().any(|image| image.starts_with(&format!("rust:{rust}-"))), "{rust}: {all:?}");
    assert!(dockerfile.contains(&format!("RUSTUP_TOOLCHAIN={rust} ")), "{rust}");
    let nats = constant("services/avanzacast/src/nats_server/mod.rs", "pub const VERSION");
    assert!(all.iter().any(|image| image.starts_with(&format!("nats:{nats}-"))), "{nats}: {all:?}");
    // What is linked on one Debian runs on the same.
    let debian = |image: &str| image.contains("bookworm") || image.starts_with("debian:12.");
    assert!(
        all.iter()
            .filter(|image| image.starts_with("rust:") || image.starts_with("debian:"))
            .all(|image| debian(image))
    );
    let version = constant("Cargo.toml", "version");
    assert!(
        all.contains(&format!("avanzacast:{version}").as_str()) && dockerfile.contains(&format!("VERSION={version}\n"))
    );
}

/// The image brings along the very client for browsers that the program takes, and says where.
#[test]
fn the_image_has_livekits_client() {
    let known = |name: &str| constant("services/avanzacast/src/livekit_client/mod.rs", &format!("pub const {name}:"));
    let (version, package, module) = (known("VERSION"), known("PACKAGE_SHA256"), known("MODULE_SHA256"));
    let dockerfile = file("infra/Dockerfile");
    // As a shell reads it, comments aside; whatever else is named there is another version or another file.
    let lines = dockerfile.lines().filter(|line| !line.starts_with('#'));
    let words: Vec<&str> = lines.flat_map(|line| line.split([' ', '"', '='])).filter(|word| !word.is_empty()).collect();
    let versions: BTreeSet<&str> = words.iter().filter_map(|word| word.strip_prefix("livekit-client@")).collect();
    assert_eq!(versions, BTreeSet::from([version.as_str()]));
    let archive = format!("livekit-client-{version}.tgz");
    let archives: BTreeSet<&str> = words.iter().copied().filter(|word| word.ends_with(".tgz")).collect();
    assert_eq!(archives, BTreeSet::from([archive.as_str()]));
    let is_sum = |word: &str| word.len() == 64 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let sums = words.windows(2).filter(|pair| is_sum(pair[0])).map(|pair| (pair[0], pair[1]));
    let expected = [(package.as_str(), archive.as_str()), (module.as_str(), "dist/livekit-client.esm.mjs")];
    assert_eq!(sums.collect::<Vec<_>>(), expected);
    assert_eq!(dockerfile.matches("sha256sum --check").count(), expected.len());
    let place = "/usr/local/share/livekit-client";
    assert!(dockerfile.contains(&format!("COPY --from=client /share {place}\n")));
    assert!(dockerfile.contains(&format!(" LIVEKIT_CLIENT={place}/livekit-client.esm.mjs ")));
    // LiveKit's own clients are tested in this version too.
    let token_source = file("tests/clients/token-source/package.json");
    assert!(token_source.contains(&format!("\"livekit-client\": \"{version}\"")), "{token_source}");
}

/// The program as pip installs it, into the build's folder.
fn hadolint() -> Result<PathBuf, String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("hadolint");
    let program = folder.join("bin/hadolint");
    if program.is_file() {
        return Ok(program);
    }
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target"]).arg(&folder);
    pip.arg("--requirement").arg(workspace_root().join("tests/clients/hadolint/requirements.txt"));
    let output = pip.output().map_err(|error| format!("Python with pip is not installed: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() { Ok(program) } else { Err(format!("hadolint cannot be had: {said}")) }
}

#[test]
fn hadolint_finds_nothing_in_the_dockerfile() {
    let program = hadolint();
    require!(program.as_ref().map(drop).map_err(Clone::clone));
    let lint = |path: &Path| Command::new(program.as_ref().unwrap()).arg(path).output().unwrap();
    let found = lint(&workspace_root().join("infra/Dockerfile"));
    assert!(found.status.success(), "{}", String::from_utf8_lossy(&found.stdout));
    // And it would have.
    let folder = tempfile::tempdir().unwrap();
    let bad = folder.path().join("Dockerfile");
    fs::write(&bad, "FROM debian\nRUN cd / && sudo apt-get install curl\n").unwrap();
    assert!(!lint(&bad).status.success());
}

/// What must not get into an image: secrets, data, and what makes every layer new.
#[test]
fn the_build_is_not_given_what_it_must_not_have() {
    let ignored = file(".dockerignore");
    for name in [".git", ".env", "*.env", "data", "target"] {
        assert!(ignored.lines().any(|line| line == name), "{name}");
    }
    let dockerfile = file("infra/Dockerfile");
    let user = dockerfile.lines().rev().find_map(|line| line.strip_prefix("USER ")).unwrap();
    assert!(user.split(':').all(|id| id.parse::<u32>().is_ok_and(|id| id > 0)), "{user}");
}
