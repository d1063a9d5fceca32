use std::path::PathBuf;

use avanzacast::livekit_client::{Place, Source};

use crate::client_programs;

/// Whether LiveKit's client for browsers can be had here, for [`crate::require!`].
///
/// # Errors
/// What is missing.
pub fn livekit_client_available() -> Result<(), String> {
    client_programs::node_available()
}

/// LiveKit's client for browsers, fetched once for all tests of this build: what `LIVEKIT_CLIENT` may name.
///
/// # Panics
/// When it cannot be had.
pub async fn livekit_client() -> PathBuf {
    let place = Place::in_data_dir(&client_programs::folder_of("browser"));
    let module = place.obtain(&Source::of_this_machine(), &|_| {}).await;
    module.unwrap_or_else(|error| panic!("{error}")).path
}
