//! `DATA_DIR/dev.env`: what another program needs to join in.

use std::{
    collections::BTreeMap,
    fs::{self, OpenOptions},
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

/// Writes the file, readable by its owner only, whole or not at all.
pub(crate) fn write(data_dir: &Path, values: &BTreeMap<String, String>) -> std::io::Result<()> {
    let (path, draft) = (data_dir.join("dev.env"), data_dir.join("dev.env.new"));
    // A draft left behind might have other permissions.
    drop(fs::remove_file(&draft));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    for (name, value) in values {
        writeln!(file, "{name}={}", quoted(value))?;
    }
    file.sync_all()?;
    fs::rename(draft, path)
}

/// For a shell and for dotenv files alike: only what needs quotes gets them.
fn quoted(value: &str) -> String {
    let plain = value.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.:/@".contains(&b));
    if plain { value.to_owned() } else { format!("'{}'", value.replace('\'', r"'\''")) }
}
