//! LiveKit's own server SDKs as judges of our tokens: what they accept, a LiveKit deployment accepts.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

/// Whether Node and npm are here, for [`crate::require!`].
///
/// # Errors
/// What is missing.
pub fn livekit_node_available() -> Result<(), String> {
    runs("node", &["--version"], "Node.js")?;
    runs("npm", &["--version"], "npm")
}

/// Whether Python and pip are here, for [`crate::require!`].
///
/// # Errors
/// What is missing.
pub fn livekit_python_available() -> Result<(), String> {
    runs("python3", &["-m", "pip", "--version"], "Python with pip")
}

/// The claims as the Node SDK's `TokenVerifier` reads them (the payload as it is in the token).
///
/// # Errors
/// Why it refuses the token.
pub fn livekit_node_verify(token: &str, key: &str, secret: &str) -> Result<Value, String> {
    let folder = installed("node", "package-lock.json", |folder| {
        for file in ["package.json", "package-lock.json", "verify.mjs"] {
            fs::copy(source("node").join(file), folder.join(file)).unwrap();
        }
        let mut npm = Command::new("npm");
        npm.args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"]).current_dir(folder);
        npm
    });
    // Modules are found beside the script, so the script must be the copy; it is copied anew when it changes.
    let script = folder.join("verify.mjs");
    verify(Command::new("node").arg(script), token, key, secret)
}

/// The claims as the Python SDK's `TokenVerifier` reads them (its `Claims` class: `video.room_join` and so on).
///
/// # Errors
/// Why it refuses the token.
pub fn livekit_python_verify(token: &str, key: &str, secret: &str) -> Result<Value, String> {
    let folder = installed("python", "requirements.txt", |folder| {
        let mut pip = Command::new("python3");
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile", "--target"]);
        pip.arg(folder).arg("--requirement").arg(source("python").join("requirements.txt"));
        pip
    });
    let script = source("python").join("verify.py");
    verify(Command::new("python3").arg("-B").arg(script).env("PYTHONPATH", folder), token, key, secret)
}

fn verify(command: &mut Command, token: &str, key: &str, secret: &str) -> Result<Value, String> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the verifier starts");
    let request = json!({ "token": token, "key": key, "secret": secret });
    child.stdin.take().expect("piped").write_all(request.to_string().as_bytes()).expect("the verifier reads");
    let output = child.wait_with_output().expect("the verifier ends");
    let refusal = String::from_utf8_lossy(&output.stderr).into_owned();
    match output.status.code() {
        Some(0) => Ok(serde_json::from_slice(&output.stdout).expect("claims are JSON")),
        // An interpreter that fails exits 1 too, but not with one line.
        Some(1) if refusal.trim().lines().count() == 1 => Err(refusal.trim().to_owned()),
        _ => panic!("the verifier fails, {}: {refusal}", output.status),
    }
}

/// The folder that holds a client's packages, installed by the first who asks; the others wait for it.
fn installed(client: &str, pinned: &str, install: impl FnOnce(&Path) -> Command) -> PathBuf {
    let folder = target_folder().join("livekit-clients").join(client);
    fs::create_dir_all(&folder).unwrap();
    let lock = File::create(folder.with_extension("lock")).unwrap();
    // Released when the file is closed, also by the death of the test program.
    lock.lock().unwrap();
    let wanted = fs::read(source(client).join(pinned)).unwrap();
    let stamp = folder.with_extension("installed");
    if fs::read(&stamp).is_ok_and(|have| have == wanted) {
        refresh_script(client, &folder);
        return folder;
    }
    fs::remove_dir_all(&folder).unwrap();
    fs::create_dir_all(&folder).unwrap();
    let output = install(&folder).stdin(Stdio::null()).output().expect("the installer starts");
    assert!(output.status.success(), "installing {client}: {}", String::from_utf8_lossy(&output.stderr));
    fs::write(stamp, wanted).unwrap();
    folder
}

fn refresh_script(client: &str, folder: &Path) {
    let (script, copy) = (source(client).join("verify.mjs"), folder.join("verify.mjs"));
    // Only a script that changed, for another test may be reading it.
    if script.is_file() && fs::read(&script).ok() != fs::read(&copy).ok() {
        fs::copy(script, copy).unwrap();
    }
}

fn source(client: &str) -> PathBuf {
    crate::workspace_root().join("tests/clients").join(client)
}

/// The build's folder: what is kept there goes with `cargo clean`.
fn target_folder() -> PathBuf {
    let program = std::env::current_exe().expect("the test program has a path");
    program.ancestors().nth(3).expect("<target>/<profile>/deps/<program>").to_owned()
}

fn runs(program: &str, arguments: &[&str], name: &str) -> Result<(), String> {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output();
    if output.is_ok_and(|output| output.status.success()) { Ok(()) } else { Err(format!("{name} is not installed")) }
}

#[cfg(test)]
mod tests {
    use super::{livekit_node_available, livekit_node_verify, livekit_python_available, livekit_python_verify};

    const KEY: &str = "devkey";
    const SECRET: &str = "a-secret-of-at-least-thirty-two-bytes";
    /// HS256 with [`SECRET`], `iss` [`KEY`], `sub` p_1, `name` Ana, `exp` in 2100, `video.room` show, `roomJoin`.
    const TOKEN: &str = concat!(
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.",
        "eyJpc3MiOiJkZXZrZXkiLCJzdWIiOiJwXzEiLCJuYW1lIjoiQW5hIiwibmJmIjowLCJleHAiOjQxMDI0NDQ4MDAsInZpZGVvIjp7InJvb20iOiJzaG93Iiwicm9vbUpvaW4iOnRydWV9fQ.",
        "b3o0L2e6kH0e_0ylBXb9XK0CubvthMcI2LvUL_xzK8A"
    );

    #[test]
    fn node_reads_the_claims_and_refuses_another_secret() {
        crate::require!(livekit_node_available());
        let claims = livekit_node_verify(TOKEN, KEY, SECRET).unwrap();
        assert_eq!(claims.pointer("/video/room").unwrap(), "show");
        assert_eq!(claims["sub"], "p_1");
        let refusal = livekit_node_verify(TOKEN, KEY, "another-secret-of-thirty-two-bytes!!").unwrap_err();
        assert!(refusal.contains("signature"), "{refusal}");
    }

    #[test]
    fn python_reads_the_claims_and_refuses_another_key() {
        crate::require!(livekit_python_available());
        let claims = livekit_python_verify(TOKEN, KEY, SECRET).unwrap();
        assert_eq!(claims.pointer("/video/room_join").unwrap(), true);
        assert_eq!(claims["identity"], "p_1");
        let refusal = livekit_python_verify(TOKEN, "other", SECRET).unwrap_err();
        assert!(refusal.contains("InvalidIssuer"), "{refusal}");
    }
}
