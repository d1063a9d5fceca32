use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long a test waits for what it expects to pass.
const SPRING_LIMIT: Duration = Duration::from_secs(30);

type Callback = Box<dyn FnOnce() + Send>;

/// What to do when the bytes of a trap come by.
pub enum Action {
    /// Close the connection; the server never sees these bytes.
    Cut,
    /// Pass them on, drop what the server answers, run what is given if anything, close the connection. The server
    /// has then done what it was asked, and its client will never hear so.
    Swallow(Option<Callback>),
    /// Pass them on and run this. The server has the bytes, and may not have read them.
    Run(Callback),
    /// Run this, then pass them on: what they belong to is done by the server alone, if this stops or kills the client.
    Before(Callback),
}

impl Action {
    /// [`Self::Swallow`], and then this: [`crate::Process::killer`], to kill a worker between COMMIT and reply.
    pub fn swallow_then(callback: impl FnOnce() + Send + 'static) -> Self {
        Self::Swallow(Some(Box::new(callback)))
    }

    /// [`Self::Run`].
    pub fn run(callback: impl FnOnce() + Send + 'static) -> Self {
        Self::Run(Box::new(callback))
    }

    /// [`Self::Before`]: with [`crate::Process::pauser`], a worker that hangs in the middle of a transaction.
    pub fn before(callback: impl FnOnce() + Send + 'static) -> Self {
        Self::Before(Box::new(callback))
    }
}

impl fmt::Debug for Action {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Cut => "Cut",
            Self::Swallow(_) => "Swallow",
            Self::Run(_) => "Run",
            Self::Before(_) => "Before",
        })
    }
}

/// Tells whether the bytes came by and the action is over. A test that does not ask proves nothing.
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct Trap(Arc<(Mutex<bool>, Condvar)>);

impl Trap {
    /// Whether it has sprung.
    #[must_use]
    pub fn sprung(&self) -> bool {
        *lock(&self.0.0)
    }

    /// Waits until it has sprung.
    ///
    /// # Panics
    /// After 30 s.
    pub fn wait(&self) {
        let (sprung, changed) = &*self.0;
        let waited = changed.wait_timeout_while(lock(sprung), SPRING_LIMIT, |sprung| !*sprung);
        let (sprung, _) = waited.unwrap_or_else(PoisonError::into_inner);
        assert!(*sprung, "the bytes of the trap never came by");
    }

    pub(super) fn spring(&self) {
        *lock(&self.0.0) = true;
        self.0.1.notify_all();
    }
}

/// Those that have not sprung yet.
#[derive(Debug, Default)]
pub(super) struct Traps(Mutex<Vec<Armed>>);

#[derive(Debug)]
struct Armed {
    remaining: usize,
    pattern: Vec<u8>,
    action: Action,
    trap: Trap,
}

impl Traps {
    pub(super) fn arm(&self, nth: usize, pattern: &[u8], action: Action) -> Trap {
        assert!(nth > 0 && !pattern.is_empty(), "the first is 1, and nothing is everywhere");
        let trap = Trap::default();
        lock(&self.0).push(Armed { remaining: nth, pattern: pattern.to_owned(), action, trap: trap.clone() });
        trap
    }

    /// Counts `new` data of a connection, before which `old` was the last; gives the first trap that it springs.
    pub(super) fn check(&self, old: &[u8], new: &[u8]) -> Option<(Action, Trap)> {
        let mut armed = lock(&self.0);
        for trap in armed.iter_mut().filter(|trap| arrives(&trap.pattern, old, new)) {
            trap.remaining -= 1;
        }
        let sprung = armed.iter().position(|trap| trap.remaining == 0)?;
        let Armed { action, trap, .. } = armed.remove(sprung);
        Some((action, trap))
    }

    /// How much of what passed has to be remembered for a pattern that arrives in two pieces.
    pub(super) fn memory(&self) -> usize {
        lock(&self.0).iter().map(|trap| trap.pattern.len()).max().unwrap_or(0)
    }
}

/// Whether the pattern is complete with `new`, and was not before.
fn arrives(pattern: &[u8], old: &[u8], new: &[u8]) -> bool {
    let overlap = old.len().saturating_sub(pattern.len() - 1);
    let joined: Vec<u8> = old.iter().skip(overlap).chain(new).copied().collect();
    joined.windows(pattern.len()).any(|window| window == pattern)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
