//! LiveKit's client for browsers: fetched once, with npm for real and with stand-ins for it, and nothing else in its
//! place, whatever it comes from and whoever is killed meanwhile.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use avanzacast::livekit_client::{
    AttemptError, ClientError, Fetching, MODULE_SHA256, Module, Pace, Place, Source, VERSION, keep_ready_at,
};
use avanzacast_tests::{Launch, Process, eventually, livekit_client, livekit_client_available, require, wait_until};
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

fn folder() -> TempDir {
    tempfile::Builder::new().prefix("avanzacast-client-").tempdir().unwrap()
}

fn kept(data: &Path) -> PathBuf {
    data.join(format!("livekit-client/livekit-client-{VERSION}.mjs"))
}

fn is_the_module(file: &Path) -> bool {
    fs::read(file).is_ok_and(|bytes| HEXLOWER.encode(&Sha256::digest(bytes)) == MODULE_SHA256)
}

fn entries(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// `avanzacast livekit-client`.
fn command(data: &Path, arguments: &[&str]) -> Launch {
    Launch::product(&[&["livekit-client"], arguments].concat()).env("DATA_DIR", data)
}

fn fetches(lines: &[String]) -> usize {
    lines.iter().filter(|line| line.starts_with("fetching ")).count()
}

fn script(folder: &Path, name: &str, text: &str) {
    let file = folder.join(name);
    fs::write(&file, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(file, fs::Permissions::from_mode(0o755)).unwrap();
}

/// A machine with Python and nothing else, and a network that delivers `bytes` as the module.
struct Elsewhere(TempDir);

impl Elsewhere {
    fn with(bytes: &[u8]) -> Self {
        let place = folder();
        let file = place.path().join(format!("livekit-client@{VERSION}/dist/livekit-client.esm.mjs"));
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, bytes).unwrap();
        fs::create_dir(place.path().join("bin")).unwrap();
        let found = std::env::split_paths(&std::env::var_os("PATH").unwrap())
            .map(|folder| folder.join("python3"))
            .find(|program| program.is_file());
        symlink(found.unwrap(), place.path().join("bin/python3")).unwrap();
        Self(place)
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("bin")
    }

    fn source(&self) -> Source {
        Source { path: self.path().into(), delivery: format!("file://{}", self.0.path().display()) }
    }
}

/// Has it, and answers what was said on the way too.
async fn obtain(data: &Path, source: &Source) -> (Result<Module, ClientError>, Vec<String>) {
    let lines = Mutex::new(Vec::new());
    let found = Place::in_data_dir(data).obtain(source, &|line| lines.lock().unwrap().push(line.to_owned())).await;
    (found, lines.into_inner().unwrap())
}

#[test]
fn npm_fetches_it_once_and_then_nothing_is_needed() {
    require!(livekit_client_available());
    let (folder, empty) = (folder(), folder());
    // Together: one of them fetches, the others wait for it.
    let together: Vec<Process> = (0..3).map(|_| command(folder.path(), &[]).start()).collect();
    let file = kept(folder.path());
    for process in &together {
        assert_eq!(process.wait().code(), Some(0), "{:#?}", process.logs());
        assert!(process.logs().contains(&file.display().to_string()), "it says where: {:#?}", process.logs());
    }
    let said: Vec<String> = together.iter().flat_map(Process::logs).collect();
    assert_eq!(fetches(&said), 1, "{said:#?}");
    assert!(is_the_module(&file));
    let name = file.file_name().unwrap().to_str().unwrap().to_owned();
    assert_eq!(entries(file.parent().unwrap()), [name, "lock".to_owned()]);
    let again = command(folder.path(), &[]).env("PATH", empty.path()).start();
    assert_eq!((again.wait().code(), again.logs()), (Some(0), vec![file.display().to_string()]));
    let doctor = Launch::product(&["doctor"]).env("DATA_DIR", folder.path()).env("LIVEKIT_CLIENT", "").start();
    doctor.wait();
    let well = |line: &String| line.starts_with("ok       livekit-client ") && line.contains(VERSION);
    assert!(doctor.logs().iter().any(well), "{:#?}", doctor.logs());
}

#[tokio::test]
async fn a_damaged_module_is_fetched_anew_and_python_will_do() {
    require!(livekit_client_available());
    let good = fs::read(livekit_client().await).unwrap();
    let (elsewhere, data) = (Elsewhere::with(&good), folder());
    let (module, said) = obtain(data.path(), &elsewhere.source()).await;
    assert_eq!(module.unwrap().path, kept(data.path()));
    assert!(said.iter().any(|line| line.contains("npm is not on PATH")), "{said:?}");
    let mut bad = good.clone();
    bad[good.len() / 2] ^= 1;
    // Whole and changed; cut; with something after its end.
    for damaged in [bad, good[..good.len() - 1].to_vec(), [good.as_slice(), b"//"].concat()] {
        fs::write(kept(data.path()), damaged).unwrap();
        let looked = Place::in_data_dir(data.path()).look().await;
        assert!(matches!(looked, Err(ClientError::Unusable { .. })), "{looked:?}");
        let (module, said) = obtain(data.path(), &elsewhere.source()).await;
        assert!(module.unwrap().bytes == good && is_the_module(&kept(data.path())), "{said:?}");
    }
}

#[tokio::test]
async fn other_bytes_are_refused_wherever_they_come_from() {
    let (elsewhere, data) = (Elsewhere::with(b"export {}"), folder());
    script(&elsewhere.path(), "npm", &format!("echo other > livekit-client-{VERSION}.tgz"));
    let (found, _) = obtain(data.path(), &elsewhere.source()).await;
    let Err(ClientError::Nowhere { npm, download, .. }) = found else { panic!("{found:?}") };
    assert!(matches!(*npm, AttemptError::Checksum { .. }), "{npm}");
    assert!(matches!(*download, AttemptError::Checksum { .. }), "{download}");
    assert_eq!(entries(&data.path().join("livekit-client")), ["lock"]);
}

#[tokio::test]
async fn a_failing_npm_is_quoted_and_with_nothing_to_fetch_with_it_says_what_to_do() {
    let (folder, data) = (folder(), folder());
    script(folder.path(), "npm", "echo 'E404 no such package' >&2; exit 1");
    let source = |path: &Path| Source { path: path.into(), delivery: "file:///nowhere".to_owned() };
    let error = obtain(data.path(), &source(folder.path())).await.0.unwrap_err().to_string();
    assert!(error.contains("E404 no such package"), "{error}");
    let error = obtain(data.path(), &source(data.path())).await.0.unwrap_err().to_string();
    for part in ["npm is not on PATH", "curl or python3 is not on PATH", "install npm", "LIVEKIT_CLIENT"] {
        assert!(error.contains(part), "{part}: {error}");
    }
    assert!(error.contains(&kept(data.path()).display().to_string()), "{error}");
}

#[test]
fn whoever_is_killed_while_fetching_leaves_nothing_half_done() {
    require!(livekit_client_available());
    let (folder, data, tools) = (folder(), folder(), folder());
    let started = folder.path().join("started");
    script(
        tools.path(),
        "npm",
        &format!("echo half > livekit-client-{VERSION}.tgz; : > {}; sleep 60", started.display()),
    );
    let path = std::env::var_os("PATH").unwrap();
    let slow = std::env::join_paths([tools.path().to_owned()].into_iter().chain(std::env::split_paths(&path))).unwrap();
    let slow = command(data.path(), &[]).env("PATH", slow).start();
    wait_until("it fetches", || started.exists());
    slow.kill9();
    assert_eq!(entries(&data.path().join("livekit-client")), ["fetching", "lock"]);
    // And whenever else.
    for after in [200, 800, 1_600] {
        let process = command(data.path(), &[]).start();
        std::thread::sleep(Duration::from_millis(after));
        process.kill9();
        assert!(!kept(data.path()).exists() || is_the_module(&kept(data.path())), "after {after} ms");
    }
    let last = command(data.path(), &[]).start();
    assert_eq!(last.wait().code(), Some(0), "{:#?}", last.logs());
    assert!(is_the_module(&kept(data.path())));
}

#[tokio::test]
async fn written_to_a_file_it_is_nowhere_else() {
    require!(livekit_client_available());
    let good = fs::read(livekit_client().await).unwrap();
    let (elsewhere, data, target) = (Elsewhere::with(&good), folder(), folder());
    let (absent, out) = (data.path().join("absent"), target.path().join("client.mjs"));
    Place::in_data_dir(&absent).copy_to(&out, &elsewhere.source(), &|_| {}).await.unwrap();
    assert!(is_the_module(&out) && !absent.exists());
    assert_eq!(entries(target.path()), ["client.mjs"]);
    // What is there already is taken; a file that is there already is replaced.
    obtain(data.path(), &elsewhere.source()).await.0.unwrap();
    fs::write(&out, "another").unwrap();
    let nothing = folder();
    let copied = command(data.path(), &["--out", out.to_str().unwrap()]).env("PATH", nothing.path()).start();
    assert_eq!((copied.wait().code(), copied.logs()), (Some(0), vec![out.display().to_string()]));
    assert!(is_the_module(&out));
    for (arguments, code) in [(["--out", "/nowhere/client.mjs"], 1), (["--into", "client.mjs"], 2)] {
        let process = command(data.path(), &arguments).start();
        assert_eq!(process.wait().code(), Some(code), "{:#?}", process.logs());
    }
}

#[tokio::test]
async fn a_named_file_is_the_module_or_a_mistake_that_is_listed_with_the_others() {
    let folder = folder();
    let foreign = folder.path().join("foreign.mjs");
    fs::write(&foreign, "export {}").unwrap();
    let wrong =
        [(folder.path().join("missing.mjs"), "is not there"), (foreign, "SHA-256"), (folder.path().into(), "no file")];
    for (file, why) in wrong {
        for role in ["up", "edge"] {
            let process = Launch::product(&[role]).env("DATA_DIR", folder.path()).env("PORT", "many");
            let process = process.env("LIVEKIT_CLIENT", &file).start();
            assert_eq!(process.wait().code(), Some(2));
            let said = process.logs();
            assert!(said.iter().any(|line| line.contains("PORT must be")), "{said:#?}");
            let about = said.iter().find(|line| line.contains("LIVEKIT_CLIENT must be")).unwrap();
            assert!(about.contains(why) && about.contains("avanzacast livekit-client --out"), "{about}");
        }
    }
    require!(livekit_client_available());
    let good = livekit_client().await;
    let place = Place::read(good.to_str(), folder.path()).unwrap().unwrap();
    assert_eq!(place.look().await.unwrap().path, good);
    assert_eq!(Place::read(Some("off"), folder.path()), Ok(None));
    assert_eq!(Place::read(None, folder.path()), Ok(Some(Place::In(folder.path().into()))));
}

/// A minute is a moment here.
const PACE: Pace =
    Pace { look: Duration::from_millis(10), first: Duration::from_millis(200), longest: Duration::from_millis(800) };

/// Waits for the module in a task; resolves with its size.
fn waiting(data: &Path, fetching: Option<Fetching>) -> tokio::task::JoinHandle<Option<usize>> {
    let place = Some(Place::in_data_dir(data));
    tokio::spawn(async move {
        let mut size = None;
        keep_ready_at(PACE, place, fetching, |module| size = Some(module.len())).await;
        size
    })
}

fn quiet(path: impl Into<OsString>) -> Fetching {
    fn nobody(_: &str) {}
    Fetching { source: Source { path: path.into(), delivery: "file:///nowhere".to_owned() }, progress: nobody }
}

#[tokio::test]
async fn who_only_looks_has_it_once_somebody_puts_it_there() {
    require!(livekit_client_available());
    let (good, data) = (livekit_client().await, folder());
    let waits = waiting(data.path(), None);
    tokio::time::sleep(PACE.look * 5).await;
    assert!(!waits.is_finished() && entries(data.path()).is_empty(), "it only looks");
    fs::create_dir(data.path().join("livekit-client")).unwrap();
    fs::write(kept(data.path()), "not all of it").unwrap();
    tokio::time::sleep(PACE.look * 5).await;
    assert!(!waits.is_finished(), "a file of that name is not enough");
    fs::copy(&good, kept(data.path())).unwrap();
    assert_eq!(waits.await.unwrap(), Some(fs::metadata(good).unwrap().len() as usize));
    keep_ready_at(PACE, None, None, |_| panic!("off is off")).await;
}

#[tokio::test]
async fn who_cannot_fetch_it_tries_less_and_less_and_looks_all_the_same() {
    require!(livekit_client_available());
    let (good, data, tools) = (livekit_client().await, folder(), folder());
    let calls = tools.path().join("calls");
    script(tools.path(), "npm", &format!("echo >> {}; exit 1", calls.display()));
    let tried = || fs::read(&calls).map_or(0, |lines| lines.len());
    let began = std::time::Instant::now();
    let waits = waiting(data.path(), Some(quiet(tools.path())));
    eventually("it has tried four times", async || tried() >= 4).await;
    // 200, 400 and 800 ms lie between them.
    assert!(began.elapsed() >= Duration::from_millis(1_400), "{:?}", began.elapsed());
    let before = tried();
    fs::copy(&good, kept(data.path())).unwrap();
    let had = tokio::time::timeout(Duration::from_secs(20), waits).await;
    assert!(had.expect("a look is enough").unwrap().is_some());
    assert_eq!(tried(), before);
}
