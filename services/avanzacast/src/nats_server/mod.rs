//! The nats-server program: where it is, and a private one that lives as long as this process.
//!
//! With no `NATS_URL`, the backend brings its own server: [`locate()`] finds or fetches the program, and
//! [`PrivateServer`] runs it on loopback and starts it again when it dies.

mod cache;
mod error;
mod fetch;
mod launch;
mod locate;
mod private;

use std::{ffi::OsString, path::PathBuf};

pub use self::{
    error::FetchError,
    locate::{locate, locate_on},
    private::{PrivateServer, PrivateServerOptions},
};
pub use crate::{fetching::AttemptError, private_server::PrivateServerError};

/// The release that is fetched when the machine has no nats-server that will do.
pub const VERSION: &str = "2.15.1";

/// The oldest server that will do, as (major, minor): the streams need what 2.12 brought (atomic batches, message
/// counters, `persist_mode`).
pub const OLDEST: (u64, u64) = (2, 12);

/// The program's name, on PATH and in the cache.
const PROGRAM: &str = "nats-server";

/// Where fetched programs are kept: `AVANZACAST_CACHE_DIR`, else `$XDG_CACHE_HOME/avanzacast`, else
/// `~/.cache/avanzacast`, else `avanzacast-cache-<user id>` in the system's directory for temporary files.
#[must_use]
pub fn default_cache_dir() -> PathBuf {
    cache_dir_from(|name| std::env::var_os(name))
}

fn cache_dir_from(variable: impl Fn(&str) -> Option<OsString>) -> PathBuf {
    let directory = |name: &str| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(own) = directory("AVANZACAST_CACHE_DIR") {
        return own;
    }
    // The XDG base directory specification: a relative path is to be ignored.
    let shared = directory("XDG_CACHE_HOME").filter(|path| path.is_absolute());
    let shared = shared.or_else(|| directory("HOME").map(|home| home.join(".cache")));
    shared.map_or_else(temporary, |shared| shared.join("avanzacast"))
}

/// Named by user, since everybody writes there.
fn temporary() -> PathBuf {
    let user = rustix::process::geteuid().as_raw();
    std::env::temp_dir().join(format!("avanzacast-cache-{user}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(set: &[(&str, &str)]) -> PathBuf {
        cache_dir_from(|name| set.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into()))
    }

    #[test]
    fn the_cache_is_where_the_most_particular_variable_says() {
        let home = ("HOME", "/home/ana");
        let xdg = ("XDG_CACHE_HOME", "/var/ana");
        assert_eq!(chosen(&[("AVANZACAST_CACHE_DIR", "here"), xdg, home]), PathBuf::from("here"));
        assert_eq!(chosen(&[("AVANZACAST_CACHE_DIR", ""), xdg, home]), PathBuf::from("/var/ana/avanzacast"));
        assert_eq!(chosen(&[("XDG_CACHE_HOME", "relative"), home]), PathBuf::from("/home/ana/.cache/avanzacast"));
        assert_eq!(chosen(&[]).parent(), Some(std::env::temp_dir().as_path()));
    }
}
