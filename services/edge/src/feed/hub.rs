//! The one subscription of an edge to events as they come, shared by all who watch; there while anybody does.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use avanzacast_kit::bus::{Bus, LiveEvents};
use tokio::{sync::broadcast, time::sleep};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::event::Event;
use crate::{Reach, record::Asker};

/// Events that wait for readers at most, of all of them together: whoever is further behind asks the ledger. At a thousand
/// events a second it is four seconds, and some 3 MB.
const RING: usize = 4096;
/// How often it is looked whether the ledger has more than was heard of: a plain subscription does not notice what it
/// has lost until the next event.
const LOOK: Duration = Duration::from_secs(15);
/// How long an event may take from the ledger to here.
const UNDER_WAY: Duration = Duration::from_secs(1);

/// What readers are told.
#[derive(Debug, Clone)]
pub(super) enum Signal {
    /// An event, as it came.
    Event(Arc<Event>),
    /// The ledger has this place, and no event of it was heard.
    Behind(u64),
    /// The ledger ends here, before what was heard: it is another one.
    Another(u64),
}

/// The subscription. Dropped, it ends.
#[derive(Debug)]
pub(super) struct Hub {
    heard: Arc<Heard>,
    _stop: DropGuard,
}

#[derive(Debug)]
struct Heard {
    signals: broadcast::Sender<Signal>,
    /// The last place that was heard of; 0 when none was.
    last: AtomicU64,
}

impl Hub {
    /// Subscribes.
    pub(super) async fn start(edge: &Arc<Reach>) -> Result<Self, avanzacast_kit::bus::WatchRefused> {
        let bus = edge.caller.bus().clone();
        let live = LiveEvents::start(&bus).await?;
        let heard = Arc::new(Heard { signals: broadcast::Sender::new(RING), last: AtomicU64::new(0) });
        let stop = CancellationToken::new();
        let listening = Arc::clone(&heard).listen(live);
        let looking = Arc::clone(&heard).look(Arc::clone(edge), bus);
        let until = stop.clone();
        edge.life.background(async move {
            tokio::select! {
                () = listening => {}
                () = looking => {}
                () = until.cancelled() => {}
            }
        });
        Ok(Self { heard, _stop: stop.drop_guard() })
    }

    /// What comes from now on.
    pub(super) fn subscribe(&self) -> broadcast::Receiver<Signal> {
        self.heard.signals.subscribe()
    }

    /// The last place that was heard of.
    pub(super) fn last(&self) -> Option<u64> {
        Some(self.heard.last.load(Ordering::Acquire)).filter(|last| *last > 0)
    }

    /// Takes note of where the ledger ends.
    pub(super) fn heard_of(&self, end: u64) {
        self.heard.last.fetch_max(end, Ordering::AcqRel);
    }
}

impl Heard {
    async fn listen(self: Arc<Self>, mut live: LiveEvents) {
        while let Some(body) = live.next().await {
            let Some(event) = Event::read(&body) else {
                // Only the relay may publish here.
                tracing::error!("an event on the bus cannot be read");
                continue;
            };
            self.last.fetch_max(event.seq, Ordering::AcqRel);
            // Nobody there: the last one is just leaving.
            drop(self.signals.send(Signal::Event(Arc::new(event))));
        }
    }

    async fn look(self: Arc<Self>, edge: Arc<Reach>, bus: Bus) {
        let mut connections = bus.connections();
        loop {
            tokio::select! {
                () = sleep(LOOK) => {}
                changed = connections.changed() => if changed.is_err() { return },
            }
            let before = self.last.load(Ordering::Acquire);
            // With the worker away nothing is known to be missing.
            let Ok(end) = edge.ledger_end(&Asker::nobody(), LOOK).await else { continue };
            sleep(UNDER_WAY).await;
            if end < before {
                self.last.store(end, Ordering::Release);
                drop(self.signals.send(Signal::Another(end)));
            } else if self.last.fetch_max(end, Ordering::AcqRel) < end {
                drop(self.signals.send(Signal::Behind(end)));
            }
        }
    }
}
