use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// The lines that a process wrote, in the order in which they arrived.
#[derive(Debug, Clone, Default)]
pub(crate) struct Output(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    lines: Vec<String>,
    open: usize,
}

impl Output {
    /// Takes the lines of `stream` until it ends, in a thread.
    pub(crate) fn capture(&self, stream: impl Read + Send + 'static) {
        self.lock().open += 1;
        let output = self.clone();
        thread::spawn(move || {
            let mut reader = BufReader::new(stream);
            let mut line = Vec::new();
            while reader.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
                let text = String::from_utf8_lossy(&line).trim_end().to_owned();
                output.change(|state| state.lines.push(text));
                line.clear();
            }
            output.change(|state| state.open -= 1);
        });
    }

    /// Every line so far.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.lock().lines.clone()
    }

    /// The first thing that `pick` finds in a line, old lines first; waits for it until `deadline`, or until
    /// `give_up` says so.
    pub(crate) fn wait<T>(
        &self,
        deadline: Instant,
        pick: impl Fn(&str) -> Option<T>,
        give_up: impl Fn() -> bool,
    ) -> Option<T> {
        let mut seen = 0;
        let mut state = self.lock();
        loop {
            if let Some(found) = state.lines.iter().skip(seen).find_map(|line| pick(line)) {
                return Some(found);
            }
            seen = state.lines.len();
            if Instant::now() >= deadline || (state.open == 0 && give_up()) {
                return None;
            }
            state = self.sleep(state);
        }
    }

    /// Waits, but not for ever, until the process and its children have closed their ends.
    pub(crate) fn wait_for_end(&self, limit: Duration) {
        let deadline = Instant::now() + limit;
        let mut state = self.lock();
        while state.open > 0 && Instant::now() < deadline {
            state = self.sleep(state);
        }
    }

    fn sleep<'state>(&self, state: MutexGuard<'state, State>) -> MutexGuard<'state, State> {
        // Short, because the end of a process changes nothing here that would wake us.
        let nap = Duration::from_millis(20);
        self.0.changed.wait_timeout(state, nap).unwrap_or_else(PoisonError::into_inner).0
    }

    fn change(&self, how: impl FnOnce(&mut State)) {
        how(&mut self.lock());
        self.0.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
