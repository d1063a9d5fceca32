//! One who watches: gets every event that was asked for once, in order, from wherever it is to be had.

use std::{convert::Infallible, sync::Arc, time::Duration};

use avanzacast_schemas::{EventFilter, EventsPage, ListEvents};
use bytes::BytesMut;
use tokio::{
    sync::{
        OwnedSemaphorePermit,
        broadcast::{
            Receiver,
            error::{RecvError, TryRecvError},
        },
    },
    time::{Interval, MissedTickBehavior, interval},
};

use super::{
    event::Event,
    frame,
    hub::{Hub, Signal},
    outlet::{Ended, Outlet},
};
use crate::{Edge, record::Asker};

/// How often a reader that gets nothing is shown that the stream lives: proxies close what is silent for half a minute.
const ALIVE: Duration = Duration::from_secs(15);
/// How soon a browser may come back after an end.
const RETRY: Duration = Duration::from_secs(2);
/// Events that come close together are sent together, up to this.
const CHUNK_BYTES: usize = 64 * 1024;

/// What somebody watches, and how far they are.
#[derive(Debug)]
pub(super) struct Reader {
    pub(super) edge: Edge,
    pub(super) asker: Asker,
    pub(super) only: EventFilter,
    /// The last place that is behind it; unknown before the first event, when nobody could be asked.
    pub(super) at: Option<u64>,
    /// Whether events after that place may have been before this began.
    pub(super) behind: bool,
    pub(super) signals: Receiver<Signal>,
    pub(super) outlet: Outlet,
    pub(super) ready: BytesMut,
    /// Kept for as long as it is read from.
    pub(super) _hub: Arc<Hub>,
    pub(super) _slot: OwnedSemaphorePermit,
}

impl Reader {
    /// Sends events until there is a reason not to.
    pub(super) async fn run(mut self) {
        let stopping = self.edge.life.stopping();
        let ended = match stopping.run_until_cancelled(self.follow()).await {
            None => Ended::Stopping,
            Some(Err(ended)) => ended,
        };
        self.outlet.end(ended).await;
    }

    async fn follow(&mut self) -> Result<Infallible, Ended> {
        self.outlet.send(frame::start(RETRY, self.at)).await?;
        let mut alive = interval(ALIVE);
        alive.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The first is at once.
        alive.tick().await;
        self.catch_up().await?;
        loop {
            self.step(&mut alive).await?;
            while self.ready.len() < CHUNK_BYTES {
                match self.signals.try_recv() {
                    Ok(signal) => self.take(signal).await?,
                    Err(TryRecvError::Lagged(_)) => self.fill(None).await?,
                    Err(TryRecvError::Empty | TryRecvError::Closed) => break,
                }
            }
            self.flush().await?;
        }
    }

    async fn step(&mut self, alive: &mut Interval) -> Result<(), Ended> {
        tokio::select! {
            biased;
            () = self.outlet.closed() => Err(Ended::Left),
            _ = alive.tick() => {
                self.outlet.send(frame::alive(self.at)).await?;
                self.catch_up().await
            }
            signal = self.signals.recv() => match signal {
                Ok(signal) => self.take(signal).await,
                Err(RecvError::Lagged(_)) => self.fill(None).await,
                Err(RecvError::Closed) => Err(Ended::Stopping),
            },
        }
    }

    /// What was before this began. With the worker away it can wait, for nothing that comes is sent before it.
    async fn catch_up(&mut self) -> Result<(), Ended> {
        if !self.behind {
            return Ok(());
        }
        match self.fill(None).await {
            Err(Ended::Missing) => self.outlet.send(frame::remark("the record is away; waiting for it")).await,
            filled => filled,
        }
    }

    async fn take(&mut self, signal: Signal) -> Result<(), Ended> {
        match signal {
            Signal::Event(event) => self.take_event(&event).await,
            Signal::Behind(end) if self.at.is_some_and(|at| at < end) => self.fill(Some(end)).await,
            Signal::Behind(_) => Ok(()),
            Signal::Another(end) => Err(Ended::Ahead(end)),
        }
    }

    async fn take_event(&mut self, event: &Event) -> Result<(), Ended> {
        let before = event.seq.saturating_sub(1);
        let at = *self.at.get_or_insert(before);
        if event.seq <= at {
            return Ok(());
        }
        if at < before {
            self.fill(Some(before)).await?;
        }
        // The ledger may have given more than was asked for.
        if self.at == Some(before) {
            self.at = Some(event.seq);
            if event.is_in(&self.only) {
                self.ready.extend_from_slice(&event.frame);
            }
        }
        Ok(())
    }

    /// Everything after the place where it is, through another or to the end, from the ledger.
    async fn fill(&mut self, through: Option<u64>) -> Result<(), Ended> {
        let mut at = self.at.ok_or(Ended::Missing)?;
        while through.is_none_or(|through| at < through) {
            self.flush().await?;
            let list = ListEvents { after: at, through, only: self.only.clone(), ..ListEvents::default() };
            let page = self.edge.events(&self.asker, &list).await.map_err(|problem| {
                tracing::debug!(code = problem.refusal.code.word(), at, "the record was not given");
                Ended::Missing
            })?;
            if page.end < at {
                return Err(Ended::Ahead(page.end));
            }
            let reached = page.through.max(page.first.saturating_sub(1)).max(at);
            let done = reached >= through.unwrap_or(page.end);
            if !done && reached == at {
                return Err(Ended::Missing);
            }
            self.take_page(at, page);
            at = reached;
            self.at = Some(at);
            if done {
                break;
            }
        }
        self.behind = false;
        self.flush().await
    }

    fn take_page(&mut self, mut at: u64, page: EventsPage) {
        if page.first > at + 1 {
            at = page.first - 1;
            self.ready.extend_from_slice(&frame::archived(at));
        }
        for body in &page.events {
            let Some(event) = Event::read(body.as_bytes()) else {
                self.ready.extend_from_slice(&frame::event(None, body.as_bytes()));
                continue;
            };
            if event.seq > at {
                at = event.seq;
                self.ready.extend_from_slice(&event.frame);
            }
        }
    }

    async fn flush(&mut self) -> Result<(), Ended> {
        if self.ready.is_empty() {
            return Ok(());
        }
        let chunk = self.ready.split().freeze();
        self.outlet.send(chunk).await
    }
}
