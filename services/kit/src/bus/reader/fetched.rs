//! EVENTS by direct gets, a batch each (NATS ADR-31): reads the stream, makes nothing on the server, and cannot have it
//! send anything but answers.
//!
//! A batch is asked for without headers, for the client library spends more on those than on all the rest. The answers are
//! counted instead: its end names the place of its last event, and when as many came as there are places up to there,
//! each is at its own. Else something is missing, and the batch is asked for again with each event's place.

use std::{collections::VecDeque, time::Duration};

use async_nats::{Client, Message, StatusCode, Subscriber};
use avanzacast_schemas::bus::stream;
use bytes::Bytes;
use futures::StreamExt;
use serde_json::json;
use tokio::time::{Instant, sleep, timeout};

use super::{EventsRead, LOST, PATIENCE};
use crate::bus::SERVER_TIMEOUT;

/// Batches that are on their way while one is taken: with fewer the reader waits for the server.
const AHEAD: usize = 3;
/// Events of a batch: well below what a subscription holds before the library drops messages (65,536).
const MOST: usize = 8_192;
/// Bytes of a batch: what is on its way has to fit into memory, here and in what the server keeps for a connection
/// (64 MiB).
const MAX_BYTES: usize = 8 * 1024 * 1024;
/// How often the end is looked at.
const POLL: Duration = Duration::from_millis(250);
/// The status of a batch's end.
const NO_CONTENT: u16 = 204;

/// What an answer says of its event: its place,
const SEQUENCE: &str = "Nats-Sequence";
/// and the place of the answer before it, 0 for the first; a batch's end has it too,
const LAST: &str = "Nats-Last-Sequence";
/// and how many events follow.
const PENDING: &str = "Nats-Num-Pending";

/// Reads on from place to place.
#[derive(Debug)]
pub(super) struct Fetched {
    client: Client,
    subject: String,
    /// What was asked for and not taken yet, each where the one before ends.
    asked: VecDeque<Asked>,
    /// The place after the last event that was given.
    next: u64,
    /// Where the stream ended when it answered last.
    end: u64,
    /// Whether each answer has to name its place, because the server does not know how to leave that out.
    named: bool,
}

/// A batch that is on its way.
#[derive(Debug)]
struct Asked {
    answers: Subscriber,
    first: u64,
    count: usize,
    /// Whether each answer names its place.
    named: bool,
}

/// What came of a batch.
#[derive(Debug)]
struct Batch {
    /// In order and without a gap, from its first place on.
    events: Vec<(u64, Bytes)>,
    /// How many more the stream has after the last of them, at the most: the server (2.15.1) counts those too that it sent
    /// without headers.
    left: u64,
    end: End,
}

/// How a batch ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// With all that was asked for.
    Full,
    /// With what there is, or with what fits.
    Short,
    /// The stream has another event at the next place: the one asked for was deleted, or is too old.
    Gap,
    /// Something is missing: an event that the stream does not have, or an answer.
    Unclear,
    /// The server does not take a question for answers without headers.
    Refused,
    /// An answer did not come: the server is away, or a message was lost.
    Lost,
}

impl Fetched {
    pub(super) fn new(client: Client, prefix: &str) -> Self {
        let subject = format!("{prefix}.DIRECT.GET.{}", stream::EVENTS);
        Self { client, subject, asked: VecDeque::new(), next: 0, end: 0, named: false }
    }

    /// The events from a place on, at most `most`; waits a little for the first.
    pub(super) async fn from(&mut self, next: u64, most: usize) -> Result<EventsRead, async_nats::Error> {
        let (most, begun) = (most.clamp(1, MOST), Instant::now());
        // Who has read on will read on; who looks here and there wants nothing more from here.
        let reads_on = next == self.next;
        let mut named = self.named;
        loop {
            let asked = match self.asked.pop_front().filter(|asked| asked.first == next) {
                Some(asked) => asked,
                None => {
                    self.asked.clear();
                    self.ask(next, most, named).await?
                }
            };
            if reads_on && named == self.named {
                self.ask_ahead(asked.following(), most).await?;
            }
            let (count, batch) = (asked.count, asked.read().await?);
            if let Some((last, _)) = batch.events.last() {
                (self.next, self.end) = (last + 1, last + batch.left);
                self.settle(count - batch.events.len(), &batch).await?;
                return Ok(EventsRead::Events(batch.events));
            }
            self.asked.clear();
            match batch.end {
                End::Gap => return Ok(EventsRead::Gone),
                End::Refused => (self.named, named) = (true, true),
                End::Unclear if !named => named = true,
                End::Full | End::Short if begun.elapsed() >= PATIENCE => return Ok(EventsRead::Events(Vec::new())),
                End::Unclear | End::Lost if begun.elapsed() >= LOST => {
                    return Err("nothing answers a direct get of EVENTS, or not to the end".into());
                }
                End::Full | End::Short | End::Unclear | End::Lost => sleep(POLL).await,
            }
        }
    }

    async fn ask(&self, first: u64, count: usize, named: bool) -> Result<Asked, async_nats::Error> {
        let inbox = self.client.new_inbox();
        let answers = self.client.subscribe(inbox.clone()).await?;
        let wanted = json!({"seq": first, "batch": count, "max_bytes": MAX_BYTES, "no_hdr": !named}).to_string();
        self.client.publish_with_reply(self.subject.clone(), inbox, wanted.into()).await?;
        Ok(Asked { answers, first, count, named })
    }

    /// Keeps some batches on their way after this place, as far as the stream goes.
    async fn ask_ahead(&mut self, mut next: u64, most: usize) -> Result<(), async_nats::Error> {
        while self.asked.len() < AHEAD {
            next = self.asked.back().map_or(next, Asked::following);
            if next > self.end {
                break;
            }
            let asked = self.ask(next, most, self.named).await?;
            self.asked.push_back(asked);
        }
        Ok(())
    }

    /// What was asked for beyond a batch follows it only when that is whole.
    async fn settle(&mut self, rest: usize, batch: &Batch) -> Result<(), async_nats::Error> {
        match batch.end {
            End::Full => {}
            // It was too large.
            End::Short if batch.left > 0 && rest > 0 => {
                let asked = self.ask(self.next, rest, self.named).await?;
                self.asked.push_front(asked);
            }
            End::Short | End::Gap | End::Unclear | End::Refused | End::Lost => self.asked.clear(),
        }
        Ok(())
    }
}

impl Asked {
    /// The place after all that was asked for.
    fn following(&self) -> u64 {
        self.first.saturating_add(u64::try_from(self.count).unwrap_or(u64::MAX))
    }

    /// Takes what comes.
    async fn read(mut self) -> Result<Batch, async_nats::Error> {
        let mut batch = Batch { events: Vec::with_capacity(self.count), left: 0, end: End::Lost };
        let (mut next, mut before) = (self.first, 0);
        while let Ok(Some(message)) = timeout(SERVER_TIMEOUT, self.answers.next()).await {
            match message.status {
                None => {}
                Some(StatusCode::NO_RESPONDERS) => break,
                Some(status) if status == StatusCode::NOT_FOUND || status.as_u16() == NO_CONTENT => {
                    batch.left = number(&message, PENDING).unwrap_or_default();
                    batch.finish(number(&message, LAST).unwrap_or_default() == before, self.count);
                    break;
                }
                Some(_) if !self.named => {
                    batch.end = End::Refused;
                    break;
                }
                Some(status) => {
                    let said = message.description.unwrap_or_default();
                    return Err(format!("a direct get of EVENTS is answered {status}: {said}").into());
                }
            }
            // Each answer names the one before it too: so one that was lost on the way is told from an event that the
            // stream does not have.
            if self.named && (number(&message, SEQUENCE), number(&message, LAST)) != (Some(next), Some(before)) {
                batch.end = if number(&message, LAST) == Some(before) { End::Gap } else { End::Lost };
                break;
            }
            batch.events.push((next, message.payload));
            (before, next) = (next, next + 1);
        }
        if !self.named && matches!(batch.end, End::Lost | End::Refused) {
            batch.events.clear();
        }
        Ok(batch)
    }
}

impl Batch {
    /// At its end, which names the last place: the one that came last, or not.
    fn finish(&mut self, whole: bool, count: usize) {
        if !whole {
            self.end = End::Unclear;
            self.events.clear();
        } else if self.events.len() < count {
            self.end = End::Short;
        } else {
            self.end = End::Full;
        }
    }
}

fn number(message: &Message, name: &'static str) -> Option<u64> {
    message.headers.as_ref()?.get(name)?.as_str().parse().ok()
}
