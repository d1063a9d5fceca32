//! Fetching the module: npm's package, else the one file.

use std::{
    ffi::OsString,
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};

use flate2::read::GzDecoder;
use tokio::{process::Command, task::spawn_blocking};

use super::{ClientError, LARGEST, MODULE, MODULE_SHA256, NAME, PACKAGE_SHA256, VERSION};
use crate::{
    fetching::{AttemptError, DOWNLOAD_LIMIT, checked, download},
    private_server::tool,
};

/// Delivers what npm has, file by file, to a machine without npm.
const DELIVERY: &str = "https://cdn.jsdelivr.net/npm";

/// The largest package that is read, bytes: ten times what it is.
const LARGEST_PACKAGE: u64 = 32 * 1024 * 1024;

/// How much may be unpacked to find the module, bytes: five times what there is.
const LARGEST_UNPACKED: u64 = 64 * 1024 * 1024;

/// With what it is fetched, and from where.
#[derive(Debug, Clone)]
pub struct Source {
    /// Where programs are looked for, as in the variable PATH.
    pub path: OsString,
    /// What the address of the one file begins with.
    pub delivery: String,
}

impl Source {
    /// With what this machine has.
    #[must_use]
    pub fn of_this_machine() -> Self {
        Self { path: std::env::var_os("PATH").unwrap_or_default(), delivery: DELIVERY.to_owned() }
    }
}

/// Fetches it by way of `desk`, a folder that is empty; it is wanted in `file`.
pub(super) async fn fetch(
    source: &Source,
    desk: &Path,
    file: &Path,
    progress: &(dyn Fn(&str) + Sync),
) -> Result<Vec<u8>, ClientError> {
    progress(&format!("fetching {NAME} {VERSION} with npm"));
    let npm = match package(source, desk).await {
        Ok(module) => return Ok(module),
        Err(error) => Box::new(error),
    };
    let address = format!("{}/{NAME}@{VERSION}/{MODULE}", source.delivery);
    progress(&format!("not with npm ({npm}); fetching {address}"));
    match alone(source, &address, desk.join("module")).await {
        Ok(module) => Ok(module),
        Err(error) => Err(ClientError::Nowhere { npm, address, download: Box::new(error), file: file.to_owned() }),
    }
}

/// By way of npm, which knows the user's registry, proxies and certificates. Nothing of the package is run. npm's own
/// cache is not used, for it may be somebody else's or nowhere.
async fn package(source: &Source, desk: &Path) -> Result<Vec<u8>, AttemptError> {
    let mut npm = Command::new(tool::first_on(&source.path, "npm")?);
    npm.args(["pack", "--ignore-scripts", "--loglevel=error", "--no-update-notifier", "--cache"]);
    npm.arg(desk.join("cache")).arg(format!("{NAME}@{VERSION}")).current_dir(desk);
    tool::run(&mut npm, DOWNLOAD_LIMIT).await?;
    let package = desk.join(format!("{NAME}-{VERSION}.tgz"));
    read(move || unpacked(&package)).await
}

/// The one file by itself.
async fn alone(source: &Source, address: &str, to: PathBuf) -> Result<Vec<u8>, AttemptError> {
    download(&source.path, address, &to).await?;
    read(move || checked(MODULE, File::open(to)?, LARGEST, MODULE_SHA256)).await
}

/// Reads files where it holds nobody up.
async fn read(task: impl FnOnce() -> Result<Vec<u8>, AttemptError> + Send + 'static) -> Result<Vec<u8>, AttemptError> {
    spawn_blocking(task).await.unwrap_or_else(|error| Err(AttemptError::Io(error.into())))
}

fn unpacked(package: &Path) -> Result<Vec<u8>, AttemptError> {
    let packed = checked("the package", File::open(package)?, LARGEST_PACKAGE, PACKAGE_SHA256)?;
    let mut archive = tar::Archive::new(GzDecoder::new(packed.as_slice()).take(LARGEST_UNPACKED));
    for entry in archive.entries()? {
        let entry = entry?;
        if entry.path()?.as_ref() == Path::new("package").join(MODULE) {
            return checked(MODULE, entry, LARGEST, MODULE_SHA256);
        }
    }
    Err(AttemptError::Empty { wanted: MODULE, archive: "the package".to_owned() })
}
