//! In place of relay, ledger and audit worker: says events on the bus and answers for them, and can do both badly. Only for
//! what the real ones cannot be made to do.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_nats::{Client, HeaderMap, Message};
use avanzacast_schemas::bus::{BusUser, header};
use futures::StreamExt;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::Nats;

/// Events in a page at most: small, so that tests see several.
const PAGE: usize = 100;
/// What fits in a message of the bus, as the real one has it.
const PAGE_BYTES: usize = 96 * 1024;

/// A record of events that a test writes.
#[derive(Debug)]
pub struct FakeRecord {
    /// As who relays.
    relay: Client,
    /// As the audit worker.
    worker: Client,
    shared: Arc<Shared>,
    answering: Mutex<Option<JoinHandle<()>>>,
}

/// How a question about a subject is answered: status, code, body.
type Said = (u16, &'static str, String);

#[derive(Debug, Default)]
struct Shared {
    ledger: Mutex<Vec<String>>,
    /// Places up to here are forgotten.
    cut: AtomicU64,
    asked: Mutex<Vec<(String, String, Value)>>,
    said: Mutex<HashMap<String, Said>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl FakeRecord {
    /// On this bus, answering.
    pub async fn start(nats: &Nats) -> Self {
        let relay = nats.connect(BusUser::Session).await;
        let worker = nats.connect(BusUser::AuditWorker).await;
        let record = Self { relay, worker, shared: Arc::default(), answering: Mutex::new(None) };
        record.come_back().await;
        record
    }

    /// An event, in the ledger and on the bus; answers its place.
    pub async fn happens(&self, kind: &str, data: Value) -> u64 {
        let seq = self.unheard(kind, data);
        self.say(seq).await;
        seq
    }

    /// An event in the ledger that the bus loses.
    pub fn unheard(&self, kind: &str, data: Value) -> u64 {
        let mut ledger = lock(&self.shared.ledger);
        let seq = ledger.len() as u64 + 1;
        let event = json!({"specversion": "1.0", "id": format!("e{seq}"), "source": "/avanzacast", "type": kind,
            "time": "2026-02-02T02:40:00.007Z", "datacontenttype": "application/json",
            "dataschema": format!("urn:avanzacast:event:{kind}:1"), "ledgerseq": seq.to_string(), "data": data});
        ledger.push(event.to_string());
        seq
    }

    /// Says an event of the ledger on the bus, perhaps again.
    pub async fn say(&self, seq: u64) {
        let body = self.body(seq);
        let kind = serde_json::from_str::<Value>(&body).unwrap()["type"].as_str().unwrap().to_owned();
        self.relay.publish(format!("evt.{kind}"), body.into()).await.unwrap();
        self.relay.flush().await.unwrap();
    }

    /// An event's bytes.
    #[must_use]
    pub fn body(&self, seq: u64) -> String {
        lock(&self.shared.ledger)[usize::try_from(seq).unwrap() - 1].clone()
    }

    /// The ledger lets go of everything up to a place.
    pub fn forgets(&self, through: u64) {
        self.shared.cut.store(through, Ordering::SeqCst);
    }

    /// The ledger is another one, with nothing in it.
    pub fn begins_anew(&self) {
        lock(&self.shared.ledger).clear();
    }

    /// From now on a question about a subject is answered so.
    pub fn says(&self, subject: &str, status: u16, code: &'static str, body: impl Into<String>) {
        lock(&self.shared.said).insert(subject.to_owned(), (status, code, body.into()));
    }

    /// What was asked about a subject: command ids and bodies.
    #[must_use]
    pub fn asked(&self, subject: &str) -> Vec<(String, Value)> {
        let asked = lock(&self.shared.asked);
        let about = asked.iter().filter(|(about, ..)| about == subject);
        about.map(|(_, id, body)| (id.clone(), body.clone())).collect()
    }

    /// Nobody answers any more.
    pub async fn goes_away(&self) {
        let answering = lock(&self.answering).take().expect("it answers");
        answering.abort();
        drop(answering.await);
        self.worker.flush().await.unwrap();
    }

    /// Answers again.
    pub async fn come_back(&self) {
        let (worker, shared) = (self.worker.clone(), Arc::clone(&self.shared));
        let mut subscriptions = Vec::new();
        for subject in
            ["cmd.audit.refused", "qry.audit.checkpoint", "qry.audit.key", "qry.audit.tile", "qry.audit.proof"]
                .into_iter()
                .chain(["qry.audit.events", "qry.audit.ledger", "qry.audit.counts", "qry.audit.who"])
        {
            subscriptions.push(worker.queue_subscribe(subject, "audit".to_owned()).await.unwrap());
        }
        worker.flush().await.unwrap();
        let mut questions = futures::stream::select_all(subscriptions);
        *lock(&self.answering) = Some(tokio::spawn(async move {
            while let Some(question) = questions.next().await {
                shared.answer(&worker, question).await;
            }
        }));
    }
}

impl Shared {
    async fn answer(&self, worker: &Client, question: Message) {
        let (subject, body) = (question.subject.to_string(), serde_json::from_slice(&question.payload).unwrap());
        let id = question.headers.as_ref().and_then(|headers| headers.get(header::COMMAND_ID)).unwrap().to_string();
        let said = lock(&self.said).get(&subject).cloned();
        let (status, code, answer) = said.unwrap_or_else(|| match subject.as_str() {
            "qry.audit.events" => (200, "", self.page(&body).to_string()),
            "cmd.audit.refused" => (204, "", String::new()),
            _ => (404, "not_found", json!({"detail": "Not found"}).to_string()),
        });
        lock(&self.asked).push((subject, id, body));
        // As who takes a question and dies.
        let Some(reply) = question.reply.filter(|_| status > 0) else { return };
        let mut headers = HeaderMap::new();
        headers.insert(header::STATUS, status.to_string());
        if !code.is_empty() {
            headers.insert(header::CODE, code);
        }
        worker.publish_with_headers(reply, headers, answer.into()).await.unwrap();
    }

    /// What `qry.audit.events` is answered.
    fn page(&self, asked: &Value) -> Value {
        let ledger = lock(&self.ledger);
        let end = ledger.len() as u64;
        let cut = self.cut.load(Ordering::SeqCst);
        let after = asked["after"].as_u64().unwrap();
        let last = asked["through"].as_u64().unwrap_or(end).min(end);
        let (mut events, mut bytes, mut through) = (Vec::new(), 0, after.max(cut));
        while through < last && events.len() < PAGE {
            let body = ledger[usize::try_from(through).unwrap()].clone();
            bytes += body.len();
            if bytes > PAGE_BYTES && !events.is_empty() {
                break;
            }
            through += 1;
            if wanted(&asked["only"], &serde_json::from_str(&body).unwrap()) {
                events.push(body);
            }
        }
        json!({"through": through, "end": end, "first": cut + 1, "events": events})
    }
}

fn wanted(only: &Value, event: &Value) -> bool {
    let types = only["types"].as_array().cloned().unwrap_or_default();
    let kind = event["type"].as_str().unwrap();
    let holds = |text: &Value| {
        let text = text.as_str().unwrap();
        text.strip_suffix('*').map_or(text == kind, |start| kind.starts_with(start))
    };
    let is = |name: &str| only[name].is_null() || only[name] == event["data"][name];
    (types.is_empty() || types.iter().any(holds)) && is("participant") && is("room") && is("user")
}
