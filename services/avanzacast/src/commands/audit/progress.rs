//! How far a long command is.

use std::{
    io::{self, IsTerminal, Write},
    time::{Duration, Instant},
};

/// What is done sooner needs no word.
const SOON: Duration = Duration::from_secs(2);
/// How often a terminal is told; a file ten times as rarely.
const EVERY: Duration = Duration::from_millis(500);

/// Tells standard error, when that is a terminal or it was asked for.
#[derive(Debug)]
pub(super) struct Progress {
    shown: bool,
    terminal: bool,
    from: u64,
    to: Option<u64>,
    began: Instant,
    told: Option<Instant>,
}

impl Progress {
    pub(super) fn new(asked: bool, from: u64, to: Option<u64>) -> Self {
        let terminal = io::stderr().is_terminal();
        // What is written to the same terminal would be torn apart.
        let shown = asked || (terminal && !io::stdout().is_terminal());
        Self { shown, terminal, from, to, began: Instant::now(), told: None }
    }

    /// It has come to this place.
    pub(super) fn at(&mut self, place: u64) {
        let every = if self.terminal { EVERY } else { EVERY * 10 };
        if !self.shown || self.began.elapsed() < SOON || self.told.is_some_and(|told| told.elapsed() < every) {
            return;
        }
        self.told = Some(Instant::now());
        let done = place.saturating_sub(self.from.saturating_sub(1));
        let rate = u128::from(done) * 1000 / self.began.elapsed().as_millis().max(1);
        let of = self.to.map_or_else(String::new, |to| {
            let all = to.saturating_sub(self.from.saturating_sub(1)).max(1);
            format!(" of {to} ({} %)", done * 100 / all)
        });
        let text = format!("at {place}{of}, {rate} events/s");
        let mut stderr = io::stderr().lock();
        // Nothing depends on its being read.
        drop(if self.terminal { write!(stderr, "\r{text}\u{1b}[K") } else { writeln!(stderr, "{text}") });
    }

    /// Leaves the line to what follows.
    pub(super) fn end(&self) {
        if self.terminal && self.told.is_some() {
            drop(writeln!(io::stderr().lock()));
        }
    }
}
