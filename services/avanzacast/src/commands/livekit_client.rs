//! LiveKit's client for browsers, which the studio page needs; and `avanzacast livekit-client`, which fetches it.

use std::path::PathBuf;

use avanzacast::livekit_client::{Fetching, Place, Source, keep_ready};
use avanzacast_edge::LiveKitClient;
use avanzacast_kit::{config::Variables, lifecycle::Lifecycle};
use clap::Args;

use super::{Failure, banner, session_worker::data_dir};

/// What the command is told.
#[derive(Debug, Args)]
pub(crate) struct LivekitClient {
    /// Writes it to this file, and nothing to DATA_DIR
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

impl LivekitClient {
    /// Prints where it is.
    #[expect(clippy::print_stdout, reason = "this is the command's output")]
    pub(crate) async fn run(self) -> Result<bool, Failure> {
        let variables = Variables::from_process();
        // Not where LIVEKIT_CLIENT says: whoever asks wants to have it.
        let place = Place::in_data_dir(&data_dir(&variables));
        variables.finish()?;
        let source = Source::of_this_machine();
        let file = match self.out {
            Some(file) => place.copy_to(&file, &source, &banner::progress).await.map(|()| file)?,
            None => place.obtain(&source, &banner::progress).await?.path,
        };
        println!("{}", file.display());
        Ok(true)
    }
}

/// Has the edge serve it, from now on or from when it is there; `fetches` says whether it may be fetched meanwhile.
pub(crate) fn keep(place: Option<Place>, fetches: bool, client: &LiveKitClient, life: &Lifecycle) {
    let fetching = fetches.then(|| Fetching { source: Source::of_this_machine(), progress: banner::progress });
    let client = client.clone();
    life.background(keep_ready(place, fetching, move |module| {
        // It is compressed, which is no work for a thread that answers requests.
        drop(tokio::task::spawn_blocking(move || client.put(module)));
    }));
}

/// Reads `LIVEKIT_CLIENT`; what is wrong is noted in `variables`.
pub(crate) fn place(variables: &mut Variables) -> Option<Place> {
    let read = Place::read(variables.text("LIVEKIT_CLIENT").as_deref(), &data_dir(variables));
    read.unwrap_or_else(|problem| {
        variables.problem(problem);
        None
    })
}
