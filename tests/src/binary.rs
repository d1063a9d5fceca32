use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

/// The workspace's root folder.
#[must_use]
pub fn workspace_root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ stands in the workspace")
}

/// The product, built once per test program, in the profile that the tests were built in.
#[must_use]
pub fn binary() -> PathBuf {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(build).clone()
}

/// What the variables begin with that Cargo sets for each package.
const TOLD: [&str; 2] = ["CARGO_PKG_", "CARGO_MANIFEST_"];

fn build() -> PathBuf {
    let (target_dir, profile) = layout();
    let mut cargo = Command::new(env!("CARGO"));
    // What `cargo test` tells a test program about its own package. Build scripts look at it (ring's does), and would
    // be run again, and what depends on them compiled again, every time it changes.
    for (name, _) in std::env::vars_os() {
        let told = name.to_str().is_some_and(|name| TOLD.iter().any(|prefix| name.starts_with(prefix)));
        if told {
            cargo.env_remove(name);
        }
    }
    let output = cargo
        // `--workspace` and not `-p`: features are then unified as `cargo test --workspace` unified them, and
        // nothing that it compiled is compiled again.
        .args(["build", "--workspace", "--bin", "avanzacast", "--message-format=json-render-diagnostics"])
        .args(["--profile", &profile])
        .arg("--target-dir")
        .arg(target_dir)
        .current_dir(workspace_root())
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "cargo could not build the product: {}", output.status);
    executable(&String::from_utf8_lossy(&output.stdout)).expect("cargo names the program that it built")
}

/// The target folder and profile of the running test program: `<target>/<profile>/deps/<program>`.
fn layout() -> (PathBuf, String) {
    let program = std::env::current_exe().expect("the test program has a path");
    let folder = program.ancestors().nth(2).expect("…/<profile>/deps/<program>");
    let profile = match folder.file_name().and_then(|name| name.to_str()) {
        // The folder of the profile `dev` is the only one that is not named like it.
        Some("debug") | None => "dev",
        Some(other) => other,
    };
    (folder.parent().expect("<target>/<profile>").to_owned(), profile.to_owned())
}

fn executable(messages: &str) -> Option<PathBuf> {
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message.pointer("/target/name").and_then(Value::as_str) == Some("avanzacast"))
        .find_map(|message| message.get("executable").and_then(Value::as_str).map(PathBuf::from))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_product_is_built_and_runs() {
        let binary = super::binary();
        assert!(binary.is_file(), "{} is no file", binary.display());
    }
}
