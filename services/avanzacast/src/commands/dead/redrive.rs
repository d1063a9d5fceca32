//! `avanzacast dead redrive`.

use avanzacast_kit::bus::{DeadError, DeadStream, Redriven};
use clap::Args;

use super::{Failure, no_such, open, operator, told};

/// Which ones.
#[derive(Debug, Args)]
#[group(id = "which", required = true, multiple = false)]
pub(super) struct Redrive {
    /// Their numbers, as `dead list` gives them
    #[arg(group = "which")]
    seq: Vec<u64>,
    /// All that are there now
    #[arg(long, group = "which")]
    all: bool,
}

impl Redrive {
    /// Answers whether every one was taken. One that was not stays where it is, and hinders no other.
    pub(super) async fn run(self) -> Result<bool, Failure> {
        let (bus, dead) = open().await?;
        let chosen = if self.all {
            let (letters, _) = dead.list(">", usize::MAX).await?;
            letters.iter().map(|letter| letter.sequence).collect()
        } else {
            self.seq
        };
        let mut all_taken = true;
        for sequence in chosen {
            all_taken &= one(&dead, sequence).await?;
        }
        bus.close().await;
        Ok(all_taken)
    }
}

async fn one(dead: &DeadStream, sequence: u64) -> Result<bool, Failure> {
    let Some(letter) = dead.letter(sequence).await? else {
        no_such(sequence);
        return Ok(false);
    };
    let subject = operator::plain(&letter.subject);
    match dead.redrive(letter).await {
        Ok(Redriven::Taken) => operator::write(&format!("{sequence}: delivered to {subject} again\n"))?,
        Ok(Redriven::TakenBefore) => {
            operator::write(&format!("{sequence}: was delivered to {subject} before; taken out of DEAD\n"))?;
        }
        Err(error @ (DeadError::Nowhere(_) | DeadError::Cut(_) | DeadError::Refused { .. })) => {
            operator::say(&format!("{sequence}: stays in DEAD: {}", told(&error)));
            return Ok(false);
        }
        Err(error @ DeadError::Away(_)) => return Err(error.into()),
    }
    Ok(true)
}
