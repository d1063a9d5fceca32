//! In place of a worker: answers what a test tells it to.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use async_nats::{Client, HeaderMap, Message};
use avanzacast_schemas::bus::{BusUser, header};
use futures::StreamExt;
use serde_json::Value;

use crate::Nats;

/// Status, code, body.
type Said = (u16, &'static str, Value);

/// Answers questions about some subjects.
#[derive(Debug)]
pub struct StandIn(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    said: Mutex<HashMap<String, VecDeque<Said>>>,
    asked: Mutex<Vec<(String, Value)>>,
}

impl StandIn {
    /// As this user, in this queue group.
    pub async fn start(nats: &Nats, user: BusUser, group: &str, subjects: &[&str]) -> Self {
        let (client, shared) = (nats.connect(user).await, Arc::new(Shared::default()));
        let mut subscriptions = Vec::new();
        for subject in subjects {
            subscriptions.push(client.queue_subscribe((*subject).to_owned(), group.to_owned()).await.unwrap());
        }
        client.flush().await.unwrap();
        let (mut questions, answering) = (futures::stream::select_all(subscriptions), Arc::clone(&shared));
        tokio::spawn(async move {
            while let Some(question) = questions.next().await {
                answering.answer(&client, question).await;
            }
        });
        Self(shared)
    }

    /// Answers so, once; the last answer again and again.
    pub fn says(&self, subject: &str, status: u16, code: &'static str, body: Value) {
        let mut said = self.0.said.lock().unwrap_or_else(PoisonError::into_inner);
        said.entry(subject.to_owned()).or_default().push_back((status, code, body));
    }

    /// The bodies of what was asked about a subject.
    #[must_use]
    pub fn asked(&self, subject: &str) -> Vec<Value> {
        let asked = self.0.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.iter().filter(|(about, _)| about == subject).map(|(_, body)| body.clone()).collect()
    }
}

impl Shared {
    async fn answer(&self, client: &Client, question: Message) {
        let subject = question.subject.to_string();
        let (status, code, body) = self.next(&subject);
        let asked = serde_json::from_slice(&question.payload).unwrap_or(Value::Null);
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).push((subject, asked));
        let mut headers = HeaderMap::new();
        headers.insert(header::STATUS, status.to_string());
        if !code.is_empty() {
            headers.insert(header::CODE, code);
        }
        client.publish_with_headers(question.reply.unwrap(), headers, body.to_string().into()).await.unwrap();
    }

    fn next(&self, subject: &str) -> Said {
        let mut all = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let said = all.get_mut(subject).unwrap_or_else(|| panic!("nobody said what to answer to {subject}"));
        if said.len() > 1 { said.pop_front().unwrap() } else { said.front().unwrap().clone() }
    }
}
