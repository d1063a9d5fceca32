//! After the commit: the cache, then the answers. While one batch is concluded, the next is being applied.

use std::{sync::Arc, time::Duration};

use avanzacast_kit::bus::{CacheWriter, DeadLetters};
use avanzacast_schemas::SessionId;
use bytes::Bytes;
use futures::future::join_all;
use tokio::sync::mpsc;

use crate::{
    batch::Applied,
    inbox::Decided,
    limits,
    service::{Answer, CacheWrite, Service},
    verdict::{Verdict, settle},
};

/// Concludes batches, in the order in which they were applied.
pub struct Concluder<S> {
    service: Arc<S>,
    cache: CacheWriter,
    dead: DeadLetters,
}

impl<S: Service> Concluder<S> {
    /// Will write this cache.
    pub fn new(service: Arc<S>, cache: CacheWriter, dead: DeadLetters) -> Self {
        Self { service, cache, dead }
    }

    /// Concludes until nothing more is applied.
    pub async fn run(self, mut applied: mpsc::Receiver<Applied<S>>) {
        while let Some(batch) = applied.recv().await {
            self.conclude(batch).await;
        }
    }

    async fn conclude(&self, batch: Applied<S>) {
        let (mut fills, mut ends) = (Vec::new(), Vec::new());
        let mut verdicts = Vec::with_capacity(batch.items.len());
        for (item, decided) in batch.items.iter().zip(&batch.decided) {
            let (verdict, cache) = self.verdict(&batch.state, &item.command, decided.as_ref());
            let ending = cache.iter().any(|write| matches!(write, CacheWrite::End(..)));
            for write in cache {
                match write {
                    CacheWrite::End(id, value) => ends.push((id, value)),
                    CacheWrite::Fill(id, value, ttl) => fills.push((id, value, ttl)),
                }
            }
            verdicts.push((verdict, ending));
        }
        let told = self.tell_cache(fills, ends).await;
        // Nobody hears of an end that the cache does not know; the next copy writes it again.
        let told = |(verdict, ending)| if ending && !told { Verdict::Silent } else { verdict };
        let verdicts = verdicts.into_iter().map(told);
        join_all(batch.items.iter().zip(verdicts).map(|(item, verdict)| settle(&item.delivery, verdict, &self.dead)))
            .await;
    }

    /// Answers whether the ends are written.
    async fn tell_cache(&self, fills: Vec<(SessionId, Bytes, Duration)>, ends: Vec<(SessionId, Bytes)>) -> bool {
        for (id, value, ttl) in fills {
            self.cache.fill(&id, value, ttl).await;
        }
        let count = ends.len();
        let ended = self.cache.end(ends, limits::END_TTL).await;
        ended.inspect_err(|error| tracing::warn!(%error, count, "left unanswered")).is_ok()
    }

    fn verdict(
        &self,
        state: &S::State,
        command: &S::Command,
        decided: Option<&(Decided, bool)>,
    ) -> (Verdict, Vec<CacheWrite>) {
        match decided {
            None => (Verdict::Silent, Vec::new()),
            Some((Decided::Refused(refusal), _)) => (Verdict::Refused(refusal.clone()), Vec::new()),
            Some((Decided::Done(record), first)) => match self.service.answer(state, command, record, *first) {
                Ok(Answer { reply, cache }) => (Verdict::Done(reply), cache),
                Err(refusal) => (Verdict::Refused(refusal), Vec::new()),
            },
        }
    }
}
