//! A minter that is not part of the backend: it signs LiveKit tokens with a key of its own and registers them over the
//! bus. It needs the bus and nothing else: what it registers while edge and workers are away is applied when they are
//! back. Outsiders may start from it.

mod access;
mod body;
mod config;
mod http;
mod problem;
mod registration;
mod token;

use std::{error::Error, process::ExitCode, sync::Arc};

use avanzacast_kit::{
    bus::{Bus, Caller, Outsider},
    config::{ConfigError, Variables},
    connections,
    lifecycle::Lifecycle,
    telemetry,
};
use avanzacast_livekit::Minter;
use tokio::net::TcpListener;

use crate::{config::Config, http::Server};

/// What it exits with when it is configured wrongly.
const WRONG: u8 = 2;

#[tokio::main]
async fn main() -> ExitCode {
    telemetry::start();
    // One TLS provider for all libraries.
    drop(rustls::crypto::ring::default_provider().install_default());
    match run().await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => failed(error.as_ref()),
    }
}

async fn run() -> Result<bool, Box<dyn Error + Send + Sync>> {
    let config = Config::read(Variables::from_process())?;
    let life = Lifecycle::until_signal()?;
    let listener = TcpListener::bind(config.listen).await?;
    let address = listener.local_addr()?;
    // It need not be there yet.
    let bus = Bus::connect(&config.bus, "token-server").await?;
    let outsider = Outsider::new(Caller::start(bus.clone(), &life).await?);
    let (key, secret) = &config.key;
    let server = Server::new(outsider, Minter::new(key, secret), config.links, config.secret.as_ref());
    let router = http::router(Arc::new(server));
    life.essential("answering HTTP", connections::serve(listener, router, life.stopping()));
    tracing::info!(addr = %address, key, "listening");
    let clean = life.run().await;
    bus.close().await;
    Ok(clean)
}

#[expect(clippy::print_stderr, reason = "the last word is for whoever started it")]
fn failed(error: &(dyn Error + Send + Sync + 'static)) -> ExitCode {
    eprintln!("avanzacast-token-server: {error}");
    let mut source = error.source();
    while let Some(cause) = source {
        eprintln!("  because: {cause}");
        source = cause.source();
    }
    if error.is::<ConfigError>() { ExitCode::from(WRONG) } else { ExitCode::FAILURE }
}
