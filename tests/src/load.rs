use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::task::JoinHandle;

use crate::{Answer, Api};

/// How long a test waits for a number of answers: a caller waits 5 s at the most, a slow machine takes its time.
const PROGRESS_LIMIT: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(5);
/// Between one answer and the next question of a caller, so that what is refused at once is not asked a thousand times.
const PAUSE: Duration = Duration::from_millis(5);

/// Callers who make one session after another until they are stopped. Needs a runtime of several threads.
#[derive(Debug)]
pub struct Load {
    stopping: Arc<AtomicBool>,
    answered: Arc<AtomicUsize>,
    created: Arc<AtomicUsize>,
    callers: Vec<JoinHandle<Vec<Answer>>>,
}

impl Load {
    /// This many callers, spread over the edges, all for one room.
    #[must_use]
    pub fn start(apis: &[Api], callers: usize, room: &str) -> Self {
        let mut load =
            Self { stopping: Arc::default(), answered: Arc::default(), created: Arc::default(), callers: Vec::new() };
        for (number, api) in (0..callers).zip(apis.iter().cycle()) {
            load.callers.push(tokio::spawn(load.caller(number, api.clone(), room.to_owned())));
        }
        load
    }

    fn caller(&self, number: usize, api: Api, room: String) -> impl Future<Output = Vec<Answer>> + Send + use<> {
        let (stopping, answered) = (Arc::clone(&self.stopping), Arc::clone(&self.answered));
        let created = Arc::clone(&self.created);
        let body = json!({"room": room, "username": format!("caller {number}")});
        async move {
            let mut answers = Vec::new();
            while !stopping.load(Ordering::SeqCst) {
                let answer = api.post("/api/session", &body).await;
                created.fetch_add(usize::from(answer.status == 201), Ordering::SeqCst);
                answers.push(answer);
                answered.fetch_add(1, Ordering::SeqCst);
                tokio::time::sleep(PAUSE).await;
            }
            answers
        }
    }

    /// Waits for so many further answers of any kind.
    ///
    /// # Panics
    /// When they do not come within a minute.
    pub fn wait_for_answers(&self, more: usize) {
        wait_for("answers", &self.answered, more);
    }

    /// Waits for so many further sessions.
    ///
    /// # Panics
    /// When they do not come within a minute.
    pub fn wait_for_sessions(&self, more: usize) {
        wait_for("sessions", &self.created, more);
    }

    /// Lets everybody finish what they wait for, and gives all answers.
    pub async fn stop(mut self) -> Vec<Answer> {
        self.stopping.store(true, Ordering::SeqCst);
        let mut answers = Vec::new();
        for caller in self.callers.drain(..) {
            answers.extend(caller.await.expect("a caller fails only where an answer is malformed"));
        }
        answers
    }
}

/// Callers of a test that has failed would go on, and bury its reason under their own.
impl Drop for Load {
    fn drop(&mut self) {
        self.callers.iter().for_each(JoinHandle::abort);
    }
}

fn wait_for(what: &str, count: &AtomicUsize, more: usize) {
    let (wanted, deadline) = (count.load(Ordering::SeqCst) + more, Instant::now() + PROGRESS_LIMIT);
    while count.load(Ordering::SeqCst) < wanted {
        assert!(Instant::now() < deadline, "no {more} more {what}: {} of {wanted}", count.load(Ordering::SeqCst));
        std::thread::sleep(POLL);
    }
}
