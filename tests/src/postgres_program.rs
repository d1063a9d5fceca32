//! Where PostgreSQL's programs are on this machine, and as whom they run.

use std::fs;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// PostgreSQL refuses to run as root; its packages make this user.
const USER: &str = "postgres";
/// Folders with one folder per version, each with a `bin`.
const VERSIONED: [&str; 1] = ["/usr/lib/postgresql"];
/// Folders in which Homebrew keeps `postgresql@<version>`.
const HOMEBREW: [&str; 2] = ["/opt/homebrew/opt", "/usr/local/opt"];

/// The programs' folder and the user they run as.
#[derive(Debug, Clone)]
pub(crate) struct Programs {
    folder: PathBuf,
    /// User and group id to change to; nothing when the test is not run by root.
    run_as: Option<(u32, u32)>,
}

impl Programs {
    /// The newest that are installed, or what is missing and how to get it.
    pub(crate) fn find() -> Result<Self, String> {
        let folder = candidates().into_iter().find(|folder| folder.join("initdb").is_file()).ok_or(
            "PostgreSQL's server programs (initdb, postgres) are not installed: \
             `apt-get install postgresql` or `brew install postgresql@17`",
        )?;
        let run_as = if rustix::process::geteuid().is_root() { Some(ids_of_user()?) } else { None };
        Ok(Self { folder, run_as })
    }

    /// One of the programs, run as the right user, knowing nothing of this environment's PostgreSQL variables.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.folder.join(program));
        command.env_clear().env("LC_ALL", "C").envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
        if let Some((user, group)) = self.run_as {
            // Root's own folder may not be readable by the other user.
            command.uid(user).gid(group).current_dir("/");
        }
        command
    }

    /// Gives a folder to the user as whom the programs run.
    pub(crate) fn hand_over(&self, folder: &Path) {
        if let Some((user, group)) = self.run_as {
            chown(folder, Some(user), Some(group)).expect("root may give its folder away");
        }
    }
}

fn candidates() -> Vec<PathBuf> {
    let versioned = VERSIONED.iter().flat_map(|root| versions(root, "")).map(|folder| folder.join("bin"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let homebrew = HOMEBREW.iter().flat_map(|root| versions(root, "postgresql@")).map(|folder| folder.join("bin"));
    versioned.chain(std::env::split_paths(&path)).chain(homebrew).collect()
}

/// The folders in `root` named `<prefix><major version>`, newest first.
fn versions(root: &str, prefix: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(root).into_iter().flatten().flatten();
    let mut found: Vec<(u32, PathBuf)> = entries
        .filter_map(|entry| {
            let version = entry.file_name().to_str()?.strip_prefix(prefix)?.parse().ok()?;
            Some((version, entry.path()))
        })
        .collect();
    found.sort_unstable_by(|left, right| right.cmp(left));
    found.into_iter().map(|(_, folder)| folder).collect()
}

fn ids_of_user() -> Result<(u32, u32), String> {
    let id = |what: &str| -> Option<u32> {
        let output = Command::new("id").args([what, USER]).output().ok()?;
        String::from_utf8(output.stdout).ok()?.trim().parse().ok()
    };
    id("-u").zip(id("-g")).ok_or_else(|| format!("PostgreSQL does not run as root, and there is no user {USER:?}"))
}
