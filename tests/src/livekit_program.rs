use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use avanzacast::nats_server::default_cache_dir;

/// What the tests were written against; another one that is found is taken too.
const VERSION: &str = "1.13.5";

/// The livekit-server program, looked for once per test program.
pub(crate) fn livekit_program() -> Result<PathBuf, String> {
    static PROGRAM: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    PROGRAM.get_or_init(find).clone()
}

fn find() -> Result<PathBuf, String> {
    let cached = default_cache_dir().join(format!("livekit-server-{VERSION}"));
    let found = candidates(&cached).into_iter().find(|program| is_livekit(program));
    found.ok_or_else(|| {
        format!(
            "livekit-server is not installed; with Go, install it so:\n  \
             GOBIN={} go install github.com/livekit/livekit-server/cmd/server@v{VERSION}",
            cached.display()
        )
    })
}

/// On PATH, in Go's folder of programs, in our own. `go install` calls it `server`.
fn candidates(cached: &Path) -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).map(|folder| folder.join("livekit-server"));
    let go = go_programs().into_iter().flat_map(|folder| [folder.join("livekit-server"), folder.join("server")]);
    on_path.chain(go).chain([cached.join("server")]).filter(|program| program.is_file()).collect()
}

fn go_programs() -> Option<PathBuf> {
    let output = Command::new("go").args(["env", "GOPATH"]).stdin(Stdio::null()).output().ok()?;
    let folder = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| Path::new(folder.trim()).join("bin"))
}

/// Any program may be called `server`.
fn is_livekit(program: &Path) -> bool {
    let output = Command::new(program).arg("--version").env_clear().stdin(Stdio::null()).output();
    output.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).starts_with("livekit-server version"))
}
