//! Downloading a file, with whatever the machine has for it.

use std::{ffi::OsStr, path::Path, time::Duration};

use tokio::process::Command;

use super::AttemptError;
use crate::private_server::tool;

/// How long one download may take: 8 MB over a line of half a megabit per second, and pip's own retries.
pub(crate) const DOWNLOAD_LIMIT: Duration = Duration::from_secs(180);

/// Downloads with the standard library, for a machine without curl: the address, then the file.
const PYTHON_DOWNLOAD: &str = "import shutil, sys, urllib.request\n\
    with urllib.request.urlopen(sys.argv[1], timeout=60) as source, open(sys.argv[2], 'wb') as target:\n    \
    shutil.copyfileobj(source, target)";

/// What is at the address, with curl or else with Python, looked for on `path`.
pub(crate) async fn download(path: &OsStr, url: &str, to: &Path) -> Result<(), AttemptError> {
    let mut command = match (tool::first_on(path, "curl"), tool::first_on(path, "python3")) {
        (Ok(curl), _) => {
            let mut command = Command::new(curl);
            command.args(["--fail", "--silent", "--show-error", "--location", "--proto", "=https", "--output"]);
            command.arg(to).arg(url);
            command
        }
        (Err(_), Ok(python)) => {
            let mut command = Command::new(python);
            command.args(["-c", PYTHON_DOWNLOAD]).arg(url).arg(to);
            command
        }
        (Err(_), Err(_)) => return Err(AttemptError::Missing("curl or python3")),
    };
    tool::run(&mut command, DOWNLOAD_LIMIT).await.map(drop)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[tokio::test]
    async fn python_downloads_as_well_as_curl() {
        let place = tempfile::tempdir().unwrap();
        let (from, to) = (place.path().join("from"), place.path().join("to"));
        fs::write(&from, "bytes").unwrap();
        let python = tool::first_on(&std::env::var_os("PATH").unwrap(), "python3").unwrap();
        let only = place.path().join("bin");
        fs::create_dir(&only).unwrap();
        std::os::unix::fs::symlink(python, only.join("python3")).unwrap();
        download(only.as_os_str(), &format!("file://{}", from.display()), &to).await.unwrap();
        assert_eq!(fs::read(to).unwrap(), b"bytes");
    }
}
