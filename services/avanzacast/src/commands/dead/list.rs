//! `avanzacast dead list`.

use std::fmt::Write;

use avanzacast_kit::bus::{DeadLetter, veil};
use clap::Args;
use serde_json::json;

use super::{Failure, open, operator};

/// What to list.
#[derive(Debug, Args)]
pub(super) struct List {
    /// Only messages to this subject; with `*` for any word of it, `in.livekit.*`
    #[arg(long, default_value = ">", hide_default_value = true)]
    subject: String,
    /// At most so many
    #[arg(long, default_value_t = 100)]
    limit: usize,
    /// One JSON object per line
    #[arg(long)]
    json: bool,
}

impl List {
    pub(super) async fn run(self) -> Result<bool, Failure> {
        let (bus, dead) = open().await?;
        let (letters, total) = dead.list(&self.subject, self.limit).await?;
        bus.close().await;
        operator::write(&if self.json { lines(&letters) } else { table(&letters) })?;
        match letters.len() {
            0 if total == 0 => operator::say("there are no dead letters here"),
            shown if u64::try_from(shown).is_ok_and(|shown| shown < total) => {
                operator::say(&format!("{shown} of {total}; --limit shows more"));
            }
            _ => {}
        }
        Ok(true)
    }
}

fn lines(letters: &[DeadLetter]) -> String {
    letters.iter().fold(String::new(), |mut text, letter| {
        let line = json!({ "seq": letter.sequence, "buriedAt": letter.buried(), "subject": letter.subject,
            "attempts": letter.attempts, "reason": veil::prose(&letter.reason) });
        let _ = writeln!(text, "{line}");
        text
    })
}

fn table(letters: &[DeadLetter]) -> String {
    if letters.is_empty() {
        return String::new();
    }
    let width = letters.iter().map(|letter| letter.subject.chars().count()).max().unwrap_or_default();
    let start = format!("{:>8}  {:24}  {:width$}  attempts  reason\n", "seq", "buried", "subject");
    letters.iter().fold(start, |mut text, letter| {
        let (buried, subject) = (letter.buried(), operator::plain(&letter.subject));
        let attempts = letter.attempts.map_or_else(|| "-".to_owned(), |attempts| attempts.to_string());
        let reason = operator::plain(&veil::prose(&letter.reason));
        let _ = writeln!(text, "{:>8}  {buried:24}  {subject:width$}  {attempts:>8}  {reason}", letter.sequence);
        text
    })
}
