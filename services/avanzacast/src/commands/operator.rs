//! What the commands of an operator have in common: where they find the bus, and how they write.

use std::{
    fs,
    io::{self, ErrorKind, Write},
    path::Path,
};

use avanzacast_kit::{
    bus::{self, Bus},
    config::{BusConfig, Variables},
};
use avanzacast_schemas::bus::BusUser;

use super::{Failure, session_worker::data_dir};

/// The command line does not say what to do, in a way that only the command itself can know.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Usage(pub(crate) String);

/// The environment, and beside a running `avanzacast up` what that one left for others to join in.
pub(crate) fn variables() -> Variables {
    let mut variables = Variables::from_process();
    variables.fill_from(&data_dir(&variables).join("dev.env"));
    variables
}

/// Connects as the user, at once or not at all.
pub(crate) async fn visit(mut variables: Variables, user: BusUser, name: &str) -> Result<Bus, Failure> {
    let config = BusConfig::read(&mut variables, user);
    variables.finish()?;
    bus::visit(&config, name).await.map_err(|finding| format!("{}: {}", finding.found, finding.advice).into())
}

/// The text of a file that was named.
pub(crate) fn read(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()).into())
}

/// Writes to standard output. Who has read enough (`| head`) is no failure.
pub(crate) fn write(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}

/// Says something beside the output.
#[expect(clippy::print_stderr, reason = "for whoever started the command")]
pub(crate) fn say(text: &str) {
    eprintln!("{text}");
}

/// On one line, and with nothing in it that a terminal would obey.
pub(crate) fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}
