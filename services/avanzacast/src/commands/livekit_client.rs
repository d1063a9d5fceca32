//! LiveKit's client for browsers, which the studio page needs; and `avanzacast livekit-client`, which fetches it.

use std::path::PathBuf;

use avanzacast::livekit_client::{Place, Source};
use avanzacast_kit::config::Variables;
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

/// Reads `LIVEKIT_CLIENT`; what is wrong is noted in `variables`.
pub(crate) fn place(variables: &mut Variables) -> Option<Place> {
    let read = Place::read(variables.text("LIVEKIT_CLIENT").as_deref(), &data_dir(variables));
    read.unwrap_or_else(|problem| {
        variables.problem(problem);
        None
    })
}
