//! Queries: read together, written nowhere.

use std::sync::Arc;

use avanzacast_kit::bus::{CacheWriter, DeadLetters, Delivery};
use avanzacast_schemas::Code;
use tokio::sync::mpsc;

use crate::{
    limits,
    service::{CacheWrite, Service},
    store::{Session, Snapshot, Store, StoreError},
    verdict::{Verdict, settle},
};

/// One process's queries.
pub struct Lookups<S> {
    service: Arc<S>,
    store: Store,
    session: Option<Session>,
    cache: CacheWriter,
    dead: DeadLetters,
}

impl<S: Service> Lookups<S> {
    /// Will read this store.
    pub fn new(service: Arc<S>, store: Store, cache: CacheWriter, dead: DeadLetters) -> Self {
        Self { service, store, session: None, cache, dead }
    }

    /// Answers until the queue is closed.
    pub async fn run(mut self, mut queue: mpsc::Receiver<Delivery>) {
        let mut waiting = Vec::new();
        while queue.recv_many(&mut waiting, limits::BATCH).await > 0 {
            self.process(&mut waiting).await;
        }
    }

    async fn process(&mut self, waiting: &mut Vec<Delivery>) {
        let mut asked = Vec::with_capacity(waiting.len());
        for delivery in waiting.drain(..) {
            match self.service.look_key(&delivery) {
                Ok(key) => asked.push((delivery, key)),
                Err(refusal) => settle(&delivery, Verdict::Refused(refusal), &self.dead).await,
            }
        }
        let keys: Vec<&str> = asked.iter().map(|(_, key)| key.as_str()).collect();
        let found = match self.read(&keys).await {
            Ok(snapshot) => self.service.load(&snapshot.rows).map(|state| (state, snapshot.now)),
            Err(error) => Err(error),
        };
        for (delivery, key) in &asked {
            let verdict = match &found {
                Ok((state, now)) => self.answer(state, key, *now).await,
                Err(_) => Verdict::NotApplied(Code::DatabaseUnavailable),
            };
            settle(delivery, verdict, &self.dead).await;
        }
        if let Err(error) = found {
            tracing::warn!(%error, source = std::error::Error::source(&error).map(tracing::field::display),
                queries = asked.len(), "queries were not answered");
        }
    }

    async fn answer(&self, state: &S::State, key: &str, now: i64) -> Verdict {
        match self.service.look(state, key, now) {
            Ok(answer) => {
                if let Some(CacheWrite::Fill(id, value, ttl)) = answer.cache {
                    self.cache.fill(&id, value, ttl).await;
                }
                Verdict::Done(answer.reply)
            }
            Err(refusal) => Verdict::Refused(refusal),
        }
    }

    /// Reads; over a connection that has died in the meantime, once more over a new one.
    async fn read(&mut self, keys: &[&str]) -> Result<Snapshot, StoreError> {
        if let Some(mut session) = self.session.take()
            && let Ok(snapshot) = session.read(S::ROWS, &[], keys).await
        {
            self.session = Some(session);
            return Ok(snapshot);
        }
        let mut session = self.store.connect().await?;
        let snapshot = session.read(S::ROWS, &[], keys).await?;
        self.session = Some(session);
        Ok(snapshot)
    }
}
