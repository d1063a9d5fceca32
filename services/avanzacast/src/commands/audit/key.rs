//! `avanzacast audit key`.

use avanzacast_audit::log::Keyring;
use avanzacast_worker::store::Store;
use clap::{Args, Subcommand};
use serde_json::json;

use super::{Failure, operator, signing, there};
use crate::commands::session_worker::data_dir;

/// The keys that checkpoints are signed with: AUDIT_SIGNING_KEY, or the file audit/signing.key in DATA_DIR.
#[derive(Debug, Args)]
pub(super) struct Key {
    #[command(subcommand)]
    command: Option<Command>,
    /// As JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Clone, Copy, Subcommand)]
enum Command {
    /// Prints the public keys: the one that signs, then those that signed before (the default)
    Show,
    /// Makes a key that signs from the next start of the audit worker on; older checkpoints stay signed with the older one
    Rotate,
}

impl Key {
    pub(super) async fn run(self) -> Result<bool, Failure> {
        let mut variables = operator::variables();
        let store = Store::new(there(&mut variables)?);
        let keys = match self.command.unwrap_or(Command::Show) {
            Command::Show => signing::public(&mut variables, &store).await?,
            Command::Rotate if variables.text("AUDIT_SIGNING_KEY").is_some() => {
                return Err(operator::Usage(
                    "AUDIT_SIGNING_KEY is set: put the new key before the old one there".to_owned(),
                )
                .into());
            }
            Command::Rotate => {
                let origin = signing::origin(&mut variables, &store).await?;
                Keyring::rotate(&data_dir(&variables), &origin)?.public()
            }
        };
        variables.finish()?;
        let texts: Vec<String> = keys.iter().map(ToString::to_string).collect();
        operator::write(&if self.json {
            format!("{}\n", json!({"vkey": texts.first(), "before": texts.get(1..).unwrap_or_default()}))
        } else {
            texts.iter().map(|text| format!("{text}\n")).collect()
        })?;
        Ok(true)
    }
}
