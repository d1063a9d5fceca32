//! `avanzacast audit`: the record, for whoever has to answer for it.

mod archive;
mod erase;
mod export;
mod find;
mod key;
mod progress;
mod prove;
mod rebuild;
mod reconcile;
mod replay;
mod signing;
mod stop;
mod told;
mod verify;
mod who;

use std::path::Path;

use avanzacast_audit::Source;
use avanzacast_kit::{
    bus::Bus,
    config::{DatabaseConfig, Variables},
};
use avanzacast_schemas::bus::BusUser;
use avanzacast_worker::store::Store;
use clap::{Args, Subcommand, ValueEnum};

use self::replay::{From, begin};
use super::{Failure, operator, session_worker::data_dir};

/// Gives out the record of what happened, and proves that it is whole.
///
/// `--source stream` reads EVENTS as the bus user `audit` (NATS_URL, NATS_AUDIT_PASSWORD; beside a running `avanzacast up`
/// it finds both by itself); `--source ledger` reads the database (DATABASE_URL, or the SQLite file in DATA_DIR). Only
/// what says so changes anything. Exit code 0: done; 1: something is wrong; 2: wrong usage or configuration.
#[derive(Debug, Args)]
pub(crate) struct Audit {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Gives out events in order, from some place to the end that there is now
    Replay(replay::Replay),
    /// Looks at every event of the ledger, the stream or a file: that none is missing, changed, moved or added; and prints
    /// the size and the root of their Merkle tree (RFC 6962)
    Verify(verify::Verify),
    /// Makes state anew from the record, in an empty database, and compares it with the live one: all that events determine
    Rebuild(rebuild::Rebuild),
    /// Brings a database that lost rows up to date, from EVENTS or a file; or gives up what is lost, and starts a new log
    Reconcile(reconcile::Reconcile),
    /// Writes the ledger's beginning into files, proves that they hold it, and lets the ledger forget it
    Archive(archive::Archive),
    /// Proves offline that an event stands in the ledger, or that nothing was changed since a checkpoint
    Prove(prove::Prove),
    /// Shows the public keys that checkpoints are signed with, or makes a new one
    Key(key::Key),
    /// Says who could enter a room, who entered, and who entered without a token of ours
    Who(who::Who),
    /// Says what is known of somebody, by e-mail address, name or LiveKit identity
    Find(find::Find),
    /// Forgets what somebody was called, revokes what still lets them in, and says so in the record
    Erase(erase::Erase),
    /// Packs events with all that it takes to prove them, for somebody who trusts nobody here
    Export(export::Export),
}

/// Which copy of the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Origin {
    /// The latest window, from the bus
    Stream,
    /// All of it, from the database
    Ledger,
}

impl Audit {
    /// Answers whether all is well.
    pub(crate) async fn run(self) -> Result<bool, Failure> {
        match self.command {
            Command::Replay(replay) => replay.run().await,
            Command::Verify(verify) => verify.run().await,
            Command::Rebuild(rebuild) => rebuild.run().await,
            Command::Reconcile(reconcile) => reconcile.run().await,
            Command::Prove(prove) => prove.run().await,
            Command::Key(key) => key.run().await,
            Command::Archive(archive) => archive.run().await,
            Command::Erase(erase) => erase.run().await,
            Command::Export(export) => export.run().await,
            Command::Who(who) => who.run().await,
            Command::Find(find) => find.run().await,
        }
    }
}

/// Opens it; the connection, where there is one, must be kept.
async fn open(origin: Origin) -> Result<(Source, Option<Bus>), Failure> {
    match origin {
        Origin::Stream => {
            let bus = operator::visit(operator::variables(), BusUser::Audit, "audit").await?;
            Ok((Source::stream(&bus).await?, Some(bus)))
        }
        Origin::Ledger => Ok((Source::ledger(&Store::new(ledger()?)).await?, None)),
    }
}

/// The database, which must be there: looking makes none.
fn ledger() -> Result<DatabaseConfig, Failure> {
    there(&mut operator::variables())
}

/// The same, as it is named there.
fn there(variables: &mut Variables) -> Result<DatabaseConfig, Failure> {
    let config = database(variables);
    variables.clone().finish()?;
    if let DatabaseConfig::Sqlite(path) = &config
        && !path.is_file()
    {
        return Err(nowhere(path).into());
    }
    Ok(config)
}

fn nowhere(path: &Path) -> String {
    format!("there is no ledger at {}: name it by DATABASE_URL or DATA_DIR", path.display())
}

fn database(variables: &mut Variables) -> DatabaseConfig {
    let data_dir = data_dir(variables);
    DatabaseConfig::read(variables, &data_dir)
}
