//! The same lines from elsewhere.

use std::collections::VecDeque;

use super::Fault;
use crate::{Line, Lines, Source, SourceError};

/// A record that another one is compared with, line by line. It may go further.
#[derive(Debug)]
pub struct Against {
    source: Option<Source>,
    last: u64,
    lines: Option<Lines>,
    waiting: VecDeque<Line>,
}

impl Against {
    /// Will be read from where the other one begins.
    #[must_use]
    pub fn new(source: Source) -> Self {
        Self { last: source.last(), source: Some(source), lines: None, waiting: VecDeque::new() }
    }

    /// Compares the line that is here at a place.
    pub(super) async fn differs(&mut self, number: u64, place: u64, line: &[u8]) -> Result<Option<Fault>, SourceError> {
        if place > self.last {
            return Ok(Some(Fault::Beyond { number, place }));
        }
        if let Some(source) = self.source.take() {
            self.lines = Some(source.read(place));
        }
        while self.waiting.is_empty() {
            let Some(lines) = &mut self.lines else { break };
            let Some(batch) = lines.next().await? else { break };
            self.waiting.extend(batch);
        }
        let same = self.waiting.pop_front().is_some_and(|(at, other)| at == place && other == line);
        Ok((!same).then_some(Fault::Differs { number, place }))
    }
}
