//! The livekit-server that `up` brings along, where nobody has named another.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use avanzacast::livekit_server::{LiveKitServer, locate_in, setting};
use avanzacast_kit::config::{Mode, Variables};

use super::banner::OwnLiveKit;

/// Any of these says that LiveKit is somebody else's business.
const CONFIGURED: [&str; 5] =
    ["LIVEKIT_URL", "LIVEKIT_WS_URL", "LIVEKIT_INTERNAL_URL", "LIVEKIT_API_KEY", "LIVEKIT_API_SECRET"];

/// Whether there is to be one.
#[derive(Debug, Clone)]
pub(crate) enum Wanted {
    /// There is another, or none is wanted.
    No,
    /// This program.
    Named(PathBuf),
    /// Whichever is found.
    Found,
}

/// Reads `LIVEKIT_SERVER`; what is wrong is noted in `variables`.
pub(crate) fn wanted(variables: &mut Variables, mode: Mode) -> Wanted {
    let named = variables.text("LIVEKIT_SERVER").map(|text| setting(&text));
    let configured = mode == Mode::Production || CONFIGURED.iter().any(|name| variables.text(name).is_some());
    match named {
        Some(Err(problem)) => {
            variables.problem(problem);
            Wanted::No
        }
        Some(Ok(None)) => Wanted::No,
        _ if configured => Wanted::No,
        Some(Ok(Some(program))) => Wanted::Named(program),
        None => Wanted::Found,
    }
}

/// Starts it, if there is to be one and it is there. Everything else works without it, so that it does not start is no
/// reason to stop.
pub(crate) async fn start(wanted: Wanted, dir: PathBuf, backend: SocketAddr) -> (Option<LiveKitServer>, OwnLiveKit) {
    let program = match wanted {
        Wanted::No => return (None, OwnLiveKit::Unwanted),
        Wanted::Named(program) => Some(program),
        Wanted::Found => {
            let (path, home) = (std::env::var_os("PATH").unwrap_or_default(), std::env::var_os("HOME"));
            locate_in(&path, home.as_deref().map(Path::new)).await
        }
    };
    let Some(program) = program else { return (None, OwnLiveKit::NotFound) };
    match LiveKitServer::start(program, dir, backend).await {
        Ok(server) => (Some(server), OwnLiveKit::Runs),
        Err(error) => {
            tracing::warn!(%error, "livekit-server does not start");
            (None, OwnLiveKit::Failed)
        }
    }
}
