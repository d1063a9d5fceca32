//! `avanzacast dead drop`.

use std::io::{IsTerminal, stdin};

use clap::Args;

use super::{Failure, no_such, open, operator};
use crate::commands::operator::Usage;

/// Which ones.
#[derive(Debug, Args)]
pub(super) struct Discard {
    /// Their numbers, as `dead list` gives them
    #[arg(required = true)]
    seq: Vec<u64>,
    /// Without asking
    #[arg(long)]
    yes: bool,
}

impl Discard {
    /// Answers whether every one was there and is gone.
    pub(super) async fn run(self) -> Result<bool, Failure> {
        if !self.yes && !agreed(self.seq.len())? {
            operator::say("nothing was dropped");
            return Ok(false);
        }
        let (bus, dead) = open().await?;
        let mut all_gone = true;
        for sequence in self.seq {
            if dead.remove(sequence).await? {
                operator::write(&format!("{sequence}: dropped\n"))?;
            } else {
                no_such(sequence);
                all_gone = false;
            }
        }
        bus.close().await;
        Ok(all_gone)
    }
}

/// Asks the person at the terminal.
fn agreed(count: usize) -> Result<bool, Failure> {
    if !stdin().is_terminal() {
        return Err(Usage("there is no terminal to ask at: say --yes to drop them for good".to_owned()).into());
    }
    operator::say(&format!("Drop {count} dead letter(s) for good? They cannot be brought back. [y/N]"));
    let mut answer = String::new();
    stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
