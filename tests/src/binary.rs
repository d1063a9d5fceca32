use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

/// The workspace's root folder.
#[must_use]
pub fn workspace_root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ stands in the workspace")
}

/// What is built.
const PRODUCT: &str = "avanzacast";
const TOKEN_SERVER: &str = "avanzacast-token-server";

/// The product, built once per test program, in the profile that the tests were built in.
#[must_use]
pub fn binary() -> PathBuf {
    program(PRODUCT)
}

/// The token-server, built with the product.
pub(crate) fn token_server() -> PathBuf {
    program(TOKEN_SERVER)
}

fn program(name: &str) -> PathBuf {
    if let Some(path) = std::env::var_os("LOCAL_BINARY") {
        return path.into();
    }
    static MESSAGES: OnceLock<String> = OnceLock::new();
    executable(MESSAGES.get_or_init(build), name).expect("cargo names the programs that it built")
}

fn build() -> String {
    let (target_dir, profile) = layout();
    // The very cargo that runs these tests, when one does: another toolchain would compile everything anew.
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| env!("CARGO").into());
    let mut build = Command::new(cargo);
    // What cargo told this test program about its own package must not reach build scripts: some are run again when
    // such a variable changes, and everything that depends on them with them.
    let about_us = |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
    for (name, _) in std::env::vars().filter(|(name, _)| about_us(name)) {
        build.env_remove(name);
    }
    let output = build
        // `--workspace` and `--tests`: features are then unified as `cargo test --workspace` unified them, and
        // nothing that it compiled is compiled again.
        .args(["build", "--workspace", "--bin", PRODUCT, "--bin", TOKEN_SERVER, "--tests"])
        .arg("--message-format=json-render-diagnostics")
        .args(["--profile", &profile])
        .arg("--target-dir")
        .arg(target_dir)
        .current_dir(workspace_root())
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "cargo could not build the product: {}", output.status);
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The target folder and profile of the running program: `<target>/<profile>/deps/<test>`, or without `deps` for one
/// that is no test.
fn layout() -> (PathBuf, String) {
    let program = std::env::current_exe().expect("the test program has a path");
    let folder = program.parent().expect("a program lies in a folder");
    let folder = if folder.ends_with("deps") { folder.parent().expect("<profile>") } else { folder };
    let profile = match folder.file_name().and_then(|name| name.to_str()) {
        // The folder of the profile `dev` is the only one that is not named like it.
        Some("debug") | None => "dev",
        Some(other) => other,
    };
    (folder.parent().expect("<target>/<profile>").to_owned(), profile.to_owned())
}

fn executable(messages: &str, name: &str) -> Option<PathBuf> {
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message.pointer("/target/name").and_then(Value::as_str) == Some(name))
        .filter(|message| message.pointer("/target/kind/0").and_then(Value::as_str) == Some("bin"))
        .filter(|message| message.pointer("/profile/test").and_then(Value::as_bool) == Some(false))
        .find_map(|message| message.get("executable").and_then(Value::as_str).map(PathBuf::from))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_programs_are_built() {
        for binary in [super::binary(), super::token_server()] {
            assert!(binary.is_file(), "{} is no file", binary.display());
        }
    }
}
