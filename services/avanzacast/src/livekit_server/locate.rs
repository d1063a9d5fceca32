//! Finding livekit-server.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::process::Command;

use crate::private_server::tool;

/// How to have one.
pub const INSTALL: &str = "go install github.com/livekit/livekit-server/cmd/server@v1.13.5";

/// The program's name.
pub(super) const PROGRAM: &str = "livekit-server";
/// What Go calls it: by its package's folder.
const GO_PROGRAM: &str = "server";
/// How long `--version` may take; it prints and exits, so this is for a machine that swaps.
const VERSION_LIMIT: Duration = Duration::from_secs(10);

/// What `LIVEKIT_SERVER` says: `off`, or a program.
///
/// # Errors
/// It names no program.
pub fn setting(text: &str) -> Result<Option<PathBuf>, String> {
    match text {
        "off" => Ok(None),
        path if tool::executable(Path::new(path)) => Ok(Some(tool::absolute(Path::new(path)))),
        path => Err(format!("LIVEKIT_SERVER must be a program's path, or `off`: {path} is no program")),
    }
}

/// The livekit-server program: on `path` (as in the variable PATH), else where Go puts what it installs for the user
/// whose folder `home` is.
pub async fn locate_in(path: &OsStr, home: Option<&Path>) -> Option<PathBuf> {
    let go = home.map(|home| home.join("go/bin"));
    let go = go.iter().flat_map(|folder| [PROGRAM, GO_PROGRAM].map(|name| folder.join(name)));
    let candidates = tool::all_on(path, PROGRAM).into_iter().chain(go.filter(|program| tool::executable(program)));
    for program in candidates {
        if is_livekit(&program).await {
            return Some(program);
        }
    }
    None
}

/// Any program may be called `server`.
async fn is_livekit(program: &Path) -> bool {
    let asked = tool::run(Command::new(program).arg("--version").env_clear(), VERSION_LIMIT).await;
    asked.is_ok_and(|said| said.stdout.starts_with(b"livekit-server version"))
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::*;

    /// A program that says this to whatever it is asked.
    fn program(folder: &Path, name: &str, says: &str) -> PathBuf {
        fs::create_dir_all(folder).unwrap();
        let path = folder.join(name);
        // Elsewhere first: a file that is still open for writing cannot be run.
        fs::write(&path, format!("#!/bin/sh\necho {says}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    #[tokio::test]
    async fn it_is_found_by_what_it_says_and_not_by_its_name_alone() {
        let home = tempfile::tempdir().unwrap();
        let (go, on_path) = (home.path().join("go/bin"), home.path().join("bin"));
        let find = async || locate_in(on_path.as_os_str(), Some(home.path())).await;
        assert_eq!(find().await, None);
        program(&go, "server", "I serve tea");
        assert_eq!(find().await, None, "any program may be called server");
        let server = program(&go, "server", "livekit-server version 1.13.5");
        assert_eq!(find().await, Some(server));
        let named = program(&go, "livekit-server", "livekit-server version 1.13.5");
        assert_eq!(find().await, Some(named));
        let on_path = program(&on_path, "livekit-server", "livekit-server version 1.9.0");
        assert_eq!(find().await, Some(on_path));
    }

    #[test]
    fn it_can_be_named_or_turned_off() {
        let folder = tempfile::tempdir().unwrap();
        let named = program(folder.path(), "mine", "x");
        assert_eq!(setting(named.to_str().unwrap()), Ok(Some(named)));
        assert_eq!(setting("off"), Ok(None));
        for wrong in ["on", "/nowhere/livekit-server", folder.path().to_str().unwrap()] {
            assert!(setting(wrong).unwrap_err().contains("LIVEKIT_SERVER"), "{wrong}");
        }
    }
}
