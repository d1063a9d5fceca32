//! Who could enter and who did. Such a question may take seconds, so it is answered apart from the others: one after the
//! other, and few wait.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use avanzacast_kit::{
    bus::{Delivery, Reply},
    lifecycle::Lifecycle,
    time,
};
use avanzacast_schemas::{
    Code, Refusal,
    who::{AskWho, Who, WhoPart},
};
use avanzacast_worker::{
    messages::{body, reply},
    store::Store,
};
use serde::Serialize;
use tokio::sync::mpsc;

use crate::{
    SourceError,
    answers::{Within, who},
};

/// Questions that may wait: each may take a second or two, and whoever asks waits for ten.
const WAITING: usize = 4;
/// Events that are looked at for one answer: some 2 s and 100 MB.
const EVENTS: u64 = 50_000;
/// An answer's bytes: some two thousand people.
const ANSWER_BYTES: usize = 8 * 1024 * 1024;
/// What goes into one message of the bus, with room for one more person.
const PART_BYTES: usize = 128 * 1024;
/// What a message of the bus may be (`max_payload` of `nats.conf`), without its headers.
const MESSAGE_BYTES: usize = 250 * 1024;
/// How long an answer is kept for whoever asks for its next part. It has names in it, which may be erased meanwhile.
const KEPT: Duration = Duration::from_secs(5);

/// Where such questions go.
#[derive(Debug, Clone)]
pub(super) struct Desk {
    questions: mpsc::Sender<Delivery>,
    /// The commands that are waiting or being answered: all copies of one have the same reply subject.
    known: Arc<Mutex<HashSet<String>>>,
}

impl Desk {
    /// Begins to answer.
    pub(super) fn open(store: Store, life: &Lifecycle) -> Self {
        let (questions, mut asked) = mpsc::channel::<Delivery>(WAITING);
        let desk = Self { questions, known: Arc::default() };
        let known = Arc::clone(&desk.known);
        let mut answering = Answering { store, kept: None };
        life.essential("answering who was there", async move {
            while let Some(question) = asked.recv().await {
                // Nobody waits for it any more.
                if question.expires_at.is_none_or(|expires_at| expires_at > time::now_ms()) {
                    let reply = answering.reply(&question).await.unwrap_or_else(|refusal| Reply::from(&refusal));
                    question.reply(reply).await;
                }
                lock(&known).remove(question.command_id.as_deref().unwrap_or_default());
            }
        });
        desk
    }

    /// Takes a question, unless too many wait; a copy of one that waits is answered with it.
    pub(super) async fn take(&self, question: Delivery) {
        let id = question.command_id.clone().unwrap_or_default();
        if !lock(&self.known).insert(id.clone()) {
            return;
        }
        if let Err(refused) = self.questions.try_send(question) {
            lock(&self.known).remove(&id);
            refused.into_inner().refuse(Code::Busy).await;
        }
    }
}

fn lock(known: &Mutex<HashSet<String>>) -> MutexGuard<'_, HashSet<String>> {
    known.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An answer whose next part may be asked for.
#[derive(Debug)]
struct Kept {
    question: AskWho,
    answer: Who,
    since: Instant,
}

#[derive(Debug)]
struct Answering {
    store: Store,
    kept: Option<Kept>,
}

impl Answering {
    async fn reply(&mut self, question: &Delivery) -> Result<Reply, Refusal> {
        let asked: AskWho = body(question)?;
        let skip = asked.skip;
        let question = AskWho { skip: 0, ..asked };
        let kept = self.kept.take().filter(|kept| kept.question == question && kept.since.elapsed() < KEPT);
        let (answer, since) = match kept {
            Some(Kept { answer, since, .. }) => (answer, since),
            None => (self.answer(&question).await?, Instant::now()),
        };
        let part = part(&answer, skip)?;
        if part.more {
            // Its parts are of the ledger as it was.
            let through = question.through.or(Some(answer.not_covered.size));
            self.kept = Some(Kept { question: AskWho { through, ..question }, answer, since });
        }
        match reply(200, &part)? {
            Reply { body, .. } if body.len() > MESSAGE_BYTES => Err(too_large()),
            reply => Ok(reply),
        }
    }

    async fn answer(&self, AskWho { about, period, through, .. }: &AskWho) -> Result<Who, Refusal> {
        let within = Within { through: through.unwrap_or(u64::MAX), most: EVENTS };
        let answer = who(&self.store, about, *period, &[], within).await.map_err(|error| refused(&error))?;
        if size(&answer)? > ANSWER_BYTES { Err(too_large()) } else { Ok(answer) }
    }
}

fn too_large() -> Refusal {
    Refusal::new(Code::AnswerTooLarge, "the answer would be too large: ask about a shorter time, or about one session")
}

fn refused(error: &SourceError) -> Refusal {
    match error {
        SourceError::Many => Refusal::new(
            Code::AnswerTooLarge,
            format!(
                "more than {EVENTS} events would have to be looked at: `avanzacast audit who` looks at all of them"
            ),
        ),
        SourceError::Ledger(error) => {
            tracing::warn!(%error, "who was there could not be read");
            Code::DatabaseUnavailable.into()
        }
        SourceError::Gone { .. }
        | SourceError::Archived { .. }
        | SourceError::Shrunk { .. }
        | SourceError::Missing { .. }
        | SourceError::Silent { .. }
        | SourceError::Long { .. }
        | SourceError::NoEvent { .. }
        | SourceError::Foreign { .. }
        | SourceError::Tree(_)
        | SourceError::Stream(_)
        | SourceError::NoFile(..) => {
            tracing::error!(%error, "who was there could not be read");
            Code::Internal.into()
        }
    }
}

fn size(value: &impl Serialize) -> Result<usize, Refusal> {
    serde_json::to_vec(value).map(|json| json.len()).map_err(|_| Code::Internal.into())
}

/// The next items, as many as fit; one at least.
struct Next {
    skip: usize,
    taken: usize,
    bytes: usize,
}

impl Next {
    fn of<T: Clone + Serialize>(&mut self, items: &[T]) -> Result<Vec<T>, Refusal> {
        let mut next = Vec::new();
        for item in items.iter().skip(self.skip) {
            self.bytes += size(item)?;
            if self.bytes > PART_BYTES && self.taken > 0 {
                break;
            }
            self.taken += 1;
            next.push(item.clone());
        }
        self.skip = self.skip.saturating_sub(items.len());
        Ok(next)
    }
}

/// A part of an answer, without what the parts before had.
fn part(answer: &Who, skip: usize) -> Result<WhoPart, Refusal> {
    let Who { room, participant, period, could_enter, entered, strangers, not_covered } = answer;
    let total = could_enter.len() + entered.len() + strangers.len();
    let mut next = Next { skip, taken: 0, bytes: 0 };
    let (could_enter, entered, strangers) = (next.of(could_enter)?, next.of(entered)?, next.of(strangers)?);
    let mut not_covered = not_covered.clone();
    if skip > 0 {
        not_covered.gaps.clear();
    }
    let (room, participant, period) = (room.clone(), participant.clone(), *period);
    let answer = Who { room, participant, period, could_enter, entered, strangers, not_covered };
    Ok(WhoPart { answer, more: skip + next.taken < total })
}

#[cfg(test)]
mod tests {
    use avanzacast_schemas::who::{Limits, Stay};

    use super::*;

    fn stay(n: usize) -> Stay {
        let (sid, room, room_sid) = (format!("PA_{n}"), "r".repeat(200), "RM".to_owned());
        let (joined, left, unknown, erased) = (None, None, None, None);
        Stay { sid, room, room_sid, participant: None, identity: None, joined, left, unknown, erased }
    }

    fn answer(strangers: Vec<Stay>) -> Who {
        let not_covered = Limits { size: 9, indexed: 9, archived: 0, gaps: vec![], known_until: None };
        let (could_enter, entered) = (vec![], vec![]);
        Who { room: None, participant: None, period: None, could_enter, entered, strangers, not_covered }
    }

    #[test]
    fn the_parts_are_the_whole() {
        for count in [0, 1, 2_000] {
            let whole = answer((0..count).map(stay).collect());
            let (mut all, mut parts) = (Vec::new(), 0);
            loop {
                let part = part(&whole, all.len()).unwrap();
                assert!(size(&part).unwrap() < MESSAGE_BYTES);
                all.extend(part.answer.strangers);
                parts += 1;
                if !part.more {
                    break;
                }
            }
            assert_eq!((all, parts > 1), (whole.strangers, count == 2_000));
        }
        assert!(!part(&answer(vec![stay(1)]), 5).unwrap().more, "beyond its end there is nothing");
    }
}
