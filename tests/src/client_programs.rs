//! Programs that others wrote and that speak to us: scripts in `tests/clients`, each with its packages, pinned and
//! installed once into the build's folder.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// Whether Node and npm are here, for [`crate::require!`].
pub(crate) fn node_available() -> Result<(), String> {
    runs("node", &["--version"], "Node.js")?;
    runs("npm", &["--version"], "npm")
}

/// Whether Python and pip are here, for [`crate::require!`].
pub(crate) fn python_available() -> Result<(), String> {
    runs("python3", &["-m", "pip", "--version"], "Python with pip")
}

/// `node <script>` with the packages of `tests/clients/<client>/package-lock.json`.
pub(crate) fn node(client: &str, script: &str) -> Command {
    let folder = installed(client, "package-lock.json", |folder| {
        for file in ["package.json", "package-lock.json"] {
            fs::copy(source(client).join(file), folder.join(file)).unwrap();
        }
        let mut npm = Command::new("npm");
        npm.args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"]).current_dir(folder);
        npm
    });
    // Packages are found beside the script, so it must be a copy, with the modules beside it; each is copied anew when it
    // changes.
    for module in fs::read_dir(source(client)).unwrap().map(|entry| entry.unwrap().path()) {
        if module.extension().is_some_and(|extension| extension == "mjs") {
            refresh(client, &module, &folder.join(module.file_name().unwrap()));
        }
    }
    let mut command = Command::new("node");
    command.arg(folder.join(script));
    command
}

/// `python3` with the packages of `tests/clients/<client>/requirements.txt`.
pub(crate) fn python(client: &str) -> Command {
    let folder = installed(client, "requirements.txt", |folder| {
        let mut pip = Command::new("python3");
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile", "--target"]);
        pip.arg(folder).arg("--requirement").arg(source(client).join("requirements.txt"));
        pip
    });
    let mut command = Command::new("python3");
    command.arg("-B").env("PYTHONPATH", folder);
    command
}

/// Where a client's script and pins are.
pub(crate) fn source(client: &str) -> PathBuf {
    crate::workspace_root().join("tests/clients").join(client)
}

/// Gives the program `request` as JSON, and waits for its end.
pub(crate) fn ask(command: &mut Command, request: &Value) -> Output {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
    child.stdin.take().expect("piped").write_all(request.to_string().as_bytes()).expect("the program reads");
    child.wait_with_output().expect("the program ends")
}

/// What a program that prints JSON, or refuses with one line and exit code 1, came to.
pub(crate) fn json_or_refusal(output: &Output) -> Result<Value, String> {
    let refusal = String::from_utf8_lossy(&output.stderr).into_owned();
    match output.status.code() {
        Some(0) => Ok(serde_json::from_slice(&output.stdout).expect("it prints JSON")),
        // An interpreter that fails exits 1 too, but not with one line.
        Some(1) if refusal.trim().lines().count() == 1 => Err(refusal.trim().to_owned()),
        _ => panic!("the program fails, {}: {refusal}", output.status),
    }
}

/// The folder that holds a client's packages, installed by the first who asks; the others wait for it.
fn installed(client: &str, pinned: &str, install: impl FnOnce(&Path) -> Command) -> PathBuf {
    let folder = folder_of(client);
    fs::create_dir_all(&folder).unwrap();
    let _lock = locked(client);
    let wanted = fs::read(source(client).join(pinned)).unwrap();
    let stamp = folder.with_extension("installed");
    if fs::read(&stamp).is_ok_and(|have| have == wanted) {
        return folder;
    }
    fs::remove_dir_all(&folder).unwrap();
    fs::create_dir_all(&folder).unwrap();
    let output = install(&folder).stdin(Stdio::null()).output().expect("the installer starts");
    assert!(output.status.success(), "installing {client}: {}", String::from_utf8_lossy(&output.stderr));
    fs::write(stamp, wanted).unwrap();
    folder
}

/// Copies a script that changed, and no other, for another test may be reading it.
fn refresh(client: &str, script: &Path, copy: &Path) {
    let _lock = locked(client);
    if fs::read(script).ok() != fs::read(copy).ok() {
        fs::copy(script, copy).unwrap();
    }
}

/// Released when the file is closed, also by the death of the test program.
fn locked(client: &str) -> File {
    let lock = File::create(folder_of(client).with_extension("lock")).unwrap();
    lock.lock().unwrap();
    lock
}

/// In the build's folder: what is kept there goes with `cargo clean`.
pub(crate) fn folder_of(client: &str) -> PathBuf {
    let program = std::env::current_exe().expect("the test program has a path");
    let target = program.ancestors().nth(3).expect("<target>/<profile>/deps/<program>");
    target.join("livekit-clients").join(client)
}

fn runs(program: &str, arguments: &[&str], name: &str) -> Result<(), String> {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output();
    if output.is_ok_and(|output| output.status.success()) { Ok(()) } else { Err(format!("{name} is not installed")) }
}
