use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::watch;

use super::trap::Traps;

/// Whether anything passes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Gate {
    #[default]
    Open,
    Frozen,
    Cut,
}

/// What the proxy does with what passes through it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Mode {
    pub(super) gate: Gate,
    pub(super) delay: Duration,
    pub(super) swallow: bool,
}

/// What the test, the listener and the connections share.
#[derive(Debug, Default)]
pub(super) struct Control {
    mode: watch::Sender<Mode>,
    listening: AtomicBool,
    connections: Arc<AtomicUsize>,
    swallowed: AtomicUsize,
    pub(super) traps: Traps,
}

impl Control {
    pub(super) fn change(&self, how: impl FnOnce(&mut Mode)) {
        self.mode.send_modify(how);
    }

    pub(super) fn watch(&self) -> watch::Receiver<Mode> {
        self.mode.subscribe()
    }

    pub(super) fn listening(&self) -> bool {
        self.listening.load(Ordering::SeqCst)
    }

    pub(super) fn set_listening(&self, listening: bool) {
        self.listening.store(listening, Ordering::SeqCst);
    }

    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    pub(super) fn swallowed(&self) -> usize {
        self.swallowed.load(Ordering::SeqCst)
    }

    pub(super) fn count_swallowed(&self) {
        self.swallowed.fetch_add(1, Ordering::SeqCst);
    }

    /// Counts a connection until what is given back is dropped.
    pub(super) fn enter(&self) -> Counted {
        self.connections.fetch_add(1, Ordering::SeqCst);
        Counted(Arc::clone(&self.connections))
    }
}

/// A connection that is open.
#[derive(Debug)]
pub(super) struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}
