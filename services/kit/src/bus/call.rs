//! The asking side: one command, any number of copies, one answer.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_nats::{HeaderMap, Message, StatusCode};
use avanzacast_schemas::{Actor, Code, bus::header};
use bytes::Bytes;
use futures::StreamExt;
use tokio::{
    sync::Notify,
    time::{Instant, sleep_until, timeout_at},
};

use super::{Bus, Reply};
use crate::{lifecycle::Lifecycle, metrics, telemetry::TraceContext, time};

/// How long a command may take in all.
pub const DEADLINE: Duration = Duration::from_secs(5);
/// An unanswered command is sent again after this long, and again and again: seven copies in all. While a worker hangs and
/// the server has not noticed, each copy is as likely to lie in its queue as in another's; the last one leaves a healthy
/// worker half a second.
const REPEAT: Duration = Duration::from_millis(750);
/// After a copy that nobody took, the next follows this soon, then twice as late each time, up to [`REPEAT`].
const BACK_OFF: Duration = Duration::from_millis(25);
/// Calls in flight in one process; more are turned away at once. Several times what a full worker has waiting.
const MAX_IN_FLIGHT: usize = 8_192;

/// A command or query to be sent.
#[derive(Debug)]
pub struct Request<'a> {
    /// Where to.
    pub subject: &'static str,
    /// Its identity: all copies carry it.
    pub command_id: String,
    /// Who asks.
    pub actor: &'a Actor,
    /// Which request it belongs to.
    pub trace: TraceContext,
    /// JSON.
    pub body: Bytes,
    /// How long the answer may take; [`DEADLINE`] for a command.
    pub patience: Duration,
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unanswered {
    /// Nothing was done: no copy was sent, or every copy was refused unapplied, for this reason.
    NotApplied(Code),
    /// Nobody knows: a copy was sent and not answered.
    Unknown,
}

impl From<Unanswered> for Code {
    fn from(unanswered: Unanswered) -> Self {
        match unanswered {
            Unanswered::NotApplied(code) => code,
            Unanswered::Unknown => Self::NoAnswer,
        }
    }
}

/// What has come back for one call so far.
#[derive(Debug, Default)]
struct Slot {
    inner: Mutex<Answers>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Answers {
    message: Option<Message>,
    refused: u32,
    reason: Option<Code>,
}

type Slots = Arc<Mutex<HashMap<u64, Arc<Slot>>>>;

/// Sends commands and matches answers to them. One subscription serves all calls, and a call that is never
/// answered leaves nothing behind (the library's own requests each leave an entry in a map).
#[derive(Debug, Clone)]
pub struct Caller {
    bus: Bus,
    inbox: Arc<str>,
    slots: Slots,
    next: Arc<AtomicU64>,
}

/// Takes the slot away when the call ends, however it ends.
struct Taken<'a> {
    caller: &'a Caller,
    number: u64,
    slot: Arc<Slot>,
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        self.caller.slots.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.number);
        metrics::edge().in_flight.decrement(1.0);
    }
}

impl Caller {
    /// Subscribes to the answers.
    ///
    /// # Errors
    /// A closed connection.
    pub async fn start(bus: Bus, life: &Lifecycle) -> Result<Self, async_nats::SubscribeError> {
        // Shown from the start.
        metrics::edge();
        let inbox: Arc<str> = bus.client().new_inbox().into();
        let mut answers = bus.client().subscribe(format!("{inbox}.*")).await?;
        let slots = Slots::default();
        let dispatch = Arc::clone(&slots);
        // Answers are taken until the process ends, not until it stops taking work.
        life.background(async move {
            while let Some(message) = answers.next().await {
                deliver(&dispatch, message);
            }
        });
        Ok(Self { bus, inbox, slots, next: Arc::default() })
    }

    fn take(&self) -> Option<Taken<'_>> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.len() >= MAX_IN_FLIGHT {
            return None;
        }
        let slot = Arc::new(Slot::default());
        slots.insert(number, Arc::clone(&slot));
        metrics::edge().in_flight.increment(1.0);
        Some(Taken { caller: self, number, slot })
    }

    /// Sends a command, again and again until it is answered or its deadline has passed.
    ///
    /// # Errors
    /// [`Unanswered::NotApplied`] only when no copy can have been applied.
    pub async fn call(&self, request: &Request<'_>) -> Result<Reply, Unanswered> {
        let taken = self.take().ok_or(Unanswered::NotApplied(Code::Busy))?;
        let start = Instant::now();
        let deadline = start + request.patience;
        let headers = Bus::command_headers(
            &request.command_id,
            time::now_ms() + i64::try_from(request.patience.as_millis()).unwrap_or(i64::MAX),
            &serde_json::to_string(request.actor).unwrap_or_default(),
            request.trace,
        );
        let reply_to = format!("{}.{}", self.inbox, taken.number);
        let (mut sent, mut back_off) = (0, BACK_OFF);
        loop {
            if self.bus.is_connected() {
                let publish = self.bus.client().publish_with_reply_and_headers(
                    request.subject,
                    reply_to.clone(),
                    headers.clone(),
                    request.body.clone(),
                );
                // From here on the copy may be applied, whatever the publish says.
                sent += 1;
                metrics::edge().repeats.increment(u64::from(sent > 1));
                drop(timeout_at(deadline, publish).await);
            }
            let again = match taken.slot.wait(sent, deadline.min(Instant::now() + REPEAT)).await {
                Progress::Answered(message) => return Ok(read(message)),
                Progress::Refused(code) if is_final(code) => return Err(Unanswered::NotApplied(code)),
                Progress::Refused(_) => {
                    let again = Instant::now() + back_off;
                    back_off = REPEAT.min(back_off * 2);
                    again
                }
                Progress::Silent => Instant::now(),
            };
            if again >= deadline {
                return Err(taken.slot.verdict(sent));
            }
            sleep_until(again).await;
        }
    }

    /// Asks the server itself, once.
    pub(super) async fn ask(&self, subject: String, patience: Duration) -> Option<Message> {
        self.once(subject, HeaderMap::new(), Bytes::new(), patience).await.ok()
    }

    /// Sends one copy and waits for its answer.
    pub(super) async fn once(
        &self,
        subject: String,
        headers: HeaderMap,
        body: Bytes,
        patience: Duration,
    ) -> Result<Message, Unanswered> {
        let away = Unanswered::NotApplied(Code::BusUnavailable);
        let taken = self.take().ok_or(Unanswered::NotApplied(Code::Busy))?;
        // The library would keep it for when the server is back, long after anybody waits.
        if !self.bus.is_connected() {
            return Err(away);
        }
        let deadline = Instant::now() + patience;
        let reply_to = format!("{}.{}", self.inbox, taken.number);
        let publish = self.bus.client().publish_with_reply_and_headers(subject, reply_to, headers, body);
        match timeout_at(deadline, publish).await {
            Ok(Ok(())) => {}
            // Too large for the server, or the connection is closed.
            Ok(Err(error)) => {
                tracing::warn!(%error, "a message was not sent");
                return Err(away);
            }
            Err(_) => return Err(Unanswered::Unknown),
        }
        match taken.slot.wait(1, deadline).await {
            Progress::Answered(message) => Ok(message),
            Progress::Refused(code) => Err(Unanswered::NotApplied(code)),
            Progress::Silent => Err(Unanswered::Unknown),
        }
    }

    /// The connection it asks over.
    #[must_use]
    pub fn bus(&self) -> &Bus {
        &self.bus
    }
}

enum Progress {
    Answered(Message),
    /// Every copy sent so far was refused unapplied.
    Refused(Code),
    Silent,
}

impl Slot {
    async fn wait(&self, sent: u32, until: Instant) -> Progress {
        loop {
            let changed = self.changed.notified();
            {
                let mut answers = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(message) = answers.message.take() {
                    return Progress::Answered(message);
                }
                if answers.refused >= sent {
                    return Progress::Refused(answers.reason.unwrap_or(Code::BusUnavailable));
                }
            }
            if timeout_at(until, changed).await.is_err() {
                return Progress::Silent;
            }
        }
    }

    fn verdict(&self, sent: u32) -> Unanswered {
        let answers = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if answers.refused >= sent {
            Unanswered::NotApplied(answers.reason.unwrap_or(Code::BusUnavailable))
        } else {
            Unanswered::Unknown
        }
    }
}

/// Whether to ask again would not help within the deadline.
fn is_final(code: Code) -> bool {
    matches!(code, Code::Busy | Code::LedgerBehind)
}

fn deliver(slots: &Slots, message: Message) {
    let number = message.subject.rsplit_once('.').and_then(|(_, number)| number.parse::<u64>().ok());
    let slot =
        number.and_then(|number| slots.lock().unwrap_or_else(PoisonError::into_inner).get(&number).map(Arc::clone));
    // An answer to a call that has ended: a later copy's.
    let Some(slot) = slot else { return };
    let mut answers = slot.inner.lock().unwrap_or_else(PoisonError::into_inner);
    match refused_unapplied(&message) {
        Some(code) => {
            answers.refused += 1;
            answers.reason = Some(code);
        }
        None => answers.message = Some(message),
    }
    drop(answers);
    slot.changed.notify_one();
}

/// A copy that nobody took, or that a worker turned away before touching its database.
fn refused_unapplied(message: &Message) -> Option<Code> {
    if message.status == Some(StatusCode::NO_RESPONDERS) {
        return Some(Code::BusUnavailable);
    }
    let headers = message.headers.as_ref()?;
    let status = headers.get(header::STATUS)?.as_str();
    if status != "503" {
        return None;
    }
    Code::from_reply(503, headers.get(header::CODE)?.as_str())
}

fn read(message: Message) -> Reply {
    let text = |name| message.headers.as_ref().and_then(|headers| headers.get(name)).map(|value| value.as_str());
    Reply {
        status: text(header::STATUS).and_then(|status| status.parse().ok()).unwrap_or(Code::Internal.status()),
        code: text(header::CODE).map(str::to_owned),
        body: message.payload.clone(),
    }
}
