//! `avanzacast dead`: what can never work, and what an operator does about it.

mod discard;
mod list;
mod redrive;
mod show;

use avanzacast_kit::bus::{Bus, DeadStream};
use avanzacast_schemas::bus::BusUser;
use clap::{Args, Subcommand};

use super::{Failure, operator};

/// Looks into the stream DEAD, where messages lie that can never work, delivers them again, or drops them.
///
/// Beside a running `avanzacast up` it finds the bus by itself; elsewhere it goes by NATS_URL and NATS_ADMIN_PASSWORD.
/// Exit code 0: done; 1: something was wrong (no such message, refused); 2: wrong usage or configuration.
#[derive(Debug, Args)]
pub(crate) struct Dead {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// One line for each message, oldest first: its number, when it was buried, its subject, how often it had been
    /// delivered, and why it can never work
    List(list::List),
    /// One message with headers and body; tokens and session ids in it are not shown unless asked for
    Show(show::Show),
    /// Publishes messages to their subject again, and takes them out of DEAD once a stream has them there
    Redrive(redrive::Redrive),
    /// Takes messages out of DEAD for good
    #[command(name = "drop")]
    Discard(discard::Discard),
}

impl Dead {
    /// Answers whether all went well.
    pub(crate) async fn run(self) -> Result<bool, Failure> {
        match self.command {
            Command::List(list) => list.run().await,
            Command::Show(show) => show.run().await,
            Command::Redrive(redrive) => redrive.run().await,
            Command::Discard(discard) => discard.run().await,
        }
    }
}

/// The stream, and the connection to be closed in the end.
async fn open() -> Result<(Bus, DeadStream), Failure> {
    let bus = operator::visit(operator::variables(), BusUser::Admin, "dead").await?;
    Ok((bus.clone(), DeadStream::open(bus).await?))
}

fn no_such(sequence: u64) {
    operator::say(&format!("{sequence}: there is no such message in DEAD"));
}

/// An error, and what lies beneath it.
fn told(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    operator::plain(&text)
}
