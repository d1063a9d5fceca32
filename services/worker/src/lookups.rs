//! Queries: read together, written nowhere.

use std::sync::Arc;

use avanzacast_kit::{
    bus::{CacheWriter, DeadLetters, Delivery},
    metrics::QueueMeter,
};
use avanzacast_schemas::{Code, Refusal};
use tokio::sync::mpsc;

use crate::{
    limits,
    service::{Answer, CacheWrite, Find, Service},
    store::{Session, Snapshot, Sql, Store, StoreError},
    verdict::{Verdict, settle},
};

/// A query for a page, on its way to the connection that pages have to themselves.
struct Leaf<Q> {
    delivery: Delivery,
    query: Q,
    sql: Sql,
    keys: Vec<String>,
}

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
    pub async fn run(self, mut queue: mpsc::Receiver<Delivery>) {
        let (leaves, turned) = mpsc::channel(limits::PAGES);
        let (service, store) = (Arc::clone(&self.service), self.store.clone());
        let pages = Self::new(service, store, self.cache.clone(), self.dead.clone());
        tokio::join!(pages.turn(turned), self.rows(&mut queue, leaves));
    }

    async fn rows(mut self, queue: &mut mpsc::Receiver<Delivery>, leaves: mpsc::Sender<Leaf<S::Query>>) {
        let (mut waiting, meter) = (Vec::new(), QueueMeter::new(S::NAME, "queries"));
        while queue.recv_many(&mut waiting, limits::BATCH).await > 0 {
            let batch = meter.taken(waiting.len(), queue.len());
            self.process(&mut waiting, &leaves).await;
            batch.done(queue.len());
        }
    }

    async fn process(&mut self, waiting: &mut Vec<Delivery>, leaves: &mpsc::Sender<Leaf<S::Query>>) {
        let (mut asked, mut wanted) = (Vec::with_capacity(waiting.len()), Vec::with_capacity(waiting.len()));
        for delivery in waiting.drain(..) {
            match self.service.query(&delivery) {
                Ok(query) => match self.service.find(&query) {
                    Find::Rows(keys) => {
                        wanted.extend(keys);
                        asked.push((delivery, query));
                    }
                    Find::Page { sql, keys } => {
                        if let Err(full) = leaves.try_send(Leaf { delivery, query, sql, keys }) {
                            full.into_inner().delivery.refuse(Code::Busy).await;
                        }
                    }
                },
                Err(refusal) => settle(&delivery, Verdict::Refused(refusal), &self.dead).await,
            }
        }
        if !asked.is_empty() {
            self.answer_rows(&asked, &wanted).await;
        }
    }

    async fn answer_rows(&mut self, asked: &[(Delivery, S::Query)], wanted: &[String]) {
        let found = match self.read(wanted).await {
            Ok(snapshot) => self.service.load(&snapshot.rows).map(|state| (state, snapshot.now)),
            Err(error) => Err(error),
        };
        for (delivery, query) in asked {
            let verdict = match &found {
                Ok((state, now)) => self.answer(self.service.look(state, query, *now)).await,
                Err(_) => Verdict::NotApplied(Code::DatabaseUnavailable),
            };
            settle(delivery, verdict, &self.dead).await;
        }
        if let Err(error) = found {
            unanswered(&error, asked.len());
        }
    }

    async fn answer(&self, answer: Result<Answer, Refusal>) -> Verdict {
        match answer {
            Ok(answer) => {
                for write in answer.cache {
                    if let CacheWrite::Fill(id, value, ttl) = write {
                        self.cache.fill(&id, value, ttl).await;
                    }
                }
                Verdict::Done(answer.reply)
            }
            Err(refusal) => Verdict::Refused(refusal),
        }
    }

    /// Reads; over a connection that has died in the meantime, once more over a new one.
    async fn read(&mut self, keys: &[String]) -> Result<Snapshot, StoreError> {
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

    /// Answers queries for pages, one after the other.
    async fn turn(mut self, mut leaves: mpsc::Receiver<Leaf<S::Query>>) {
        while let Some(Leaf { delivery, query, sql, keys }) = leaves.recv().await {
            let verdict = match self.select(sql, &keys).await {
                Ok((rows, now)) => self.answer(self.service.page(&rows, &query, now)).await,
                Err(error) => {
                    unanswered(&error, 1);
                    Verdict::NotApplied(Code::DatabaseUnavailable)
                }
            };
            settle(&delivery, verdict, &self.dead).await;
        }
    }

    /// The rows of a page, and the database's clock.
    async fn select(&mut self, sql: Sql, keys: &[String]) -> Result<(String, i64), StoreError> {
        if let Some(mut session) = self.session.take()
            && let Ok(found) = session.select(sql, keys).await
        {
            self.session = Some(session);
            return Ok(found);
        }
        let mut session = self.store.connect().await?;
        let found = session.select(sql, keys).await?;
        self.session = Some(session);
        Ok(found)
    }
}

fn unanswered(error: &StoreError, queries: usize) {
    tracing::warn!(%error, source = std::error::Error::source(error).map(tracing::field::display), queries,
        "queries were not answered");
}
