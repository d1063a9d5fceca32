//! The command line: one file per command.

mod audit;
mod audit_worker;
mod banner;
mod dead;
mod dev_env;
mod doctor;
mod edge;
mod internal_request;
mod livekit;
mod livekit_client;
mod log_name;
mod measure;
mod operator;
mod probe;
mod provision;
mod room_worker;
mod session_worker;
mod studio_worker;
mod up;
mod worker;

use std::process::ExitCode;

use avanzacast_kit::{config::ConfigError, telemetry};
use clap::{Parser, Subcommand};

/// What a failed command exits with: it was used or configured wrongly.
const WRONG: u8 = 2;

/// The AvanzaCast backend for live studios on LiveKit.
#[derive(Debug, Parser)]
#[command(version, arg_required_else_help = false)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Everything in one process tree, with a nats-server of its own unless NATS_URL is set, and a
    /// livekit-server of its own where none is configured and the program is found (the default)
    Up,
    /// Makes the streams, buckets and consumers on the bus, and the tables; changes nothing that is there already
    Provision,
    /// The HTTP edge alone
    Edge,
    /// All workers in one process
    Worker,
    /// The session worker alone
    SessionWorker,
    /// The studio worker alone
    StudioWorker,
    /// The room worker alone
    RoomWorker,
    /// The audit worker alone
    AuditWorker,
    /// Looks at configuration, bus, database and LiveKit, says what is wrong and what to do, and changes nothing
    Doctor(doctor::Doctor),
    /// Messages that can never work: shows them, delivers them again, drops them
    Dead(dead::Dead),
    /// The record of what happened: gives it out as it was written, and proves that it is whole
    Audit(audit::Audit),
    /// Asks a running backend for a session with its token, and prints the answer
    InternalRequest(internal_request::InternalRequest),
    /// Fetches LiveKit's client for browsers into DATA_DIR, unless it is there, and prints where it is: the studio page
    /// needs it. `up` does this by itself
    LivekitClient(livekit_client::LivekitClient),
    /// Asks the process that runs on this machine whether it is well: for the health check of a container
    Probe,
}

/// A command that cannot go on.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

impl Cli {
    /// Runs the command until it is done: exit code 0 done, 1 failed, 2 wrong usage or configuration.
    pub(crate) fn run(self) -> ExitCode {
        telemetry::start();
        // Several libraries bring TLS; one provider serves them all. A second call changes nothing.
        drop(rustls::crypto::ring::default_provider().install_default());
        let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => return failed(&error.into()),
        };
        let done = runtime.block_on(async {
            match self.command.unwrap_or(Command::Up) {
                Command::Up => up::run().await,
                Command::Provision => provision::run().await,
                Command::Edge => edge::run().await,
                Command::Worker => worker::run().await,
                Command::SessionWorker => session_worker::run().await,
                Command::StudioWorker => studio_worker::run().await,
                Command::RoomWorker => room_worker::run().await,
                Command::AuditWorker => audit_worker::run().await,
                Command::Doctor(doctor) => doctor.run().await,
                Command::Dead(dead) => dead.run().await,
                Command::Audit(audit) => audit.run().await,
                Command::InternalRequest(request) => request.run().await,
                Command::LivekitClient(client) => client.run().await,
                Command::Probe => probe::run().await,
            }
        });
        match done {
            Ok(true) => ExitCode::SUCCESS,
            Ok(false) => ExitCode::FAILURE,
            Err(error) => failed(&error),
        }
    }
}

#[expect(clippy::print_stderr, reason = "the last word of a failed command is for whoever started it")]
fn failed(error: &Failure) -> ExitCode {
    eprintln!("avanzacast: {error}");
    let mut source = error.source();
    while let Some(cause) = source {
        eprintln!("  because: {cause}");
        source = cause.source();
    }
    if error.is::<ConfigError>() || error.is::<operator::Usage>() { ExitCode::from(WRONG) } else { ExitCode::FAILURE }
}
