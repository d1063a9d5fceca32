//! Studio workers that are killed. Promises 2 (what was answered 2xx is there), 3 (applied once) and 6 (no caller sees
//! an error while another worker, or a restart in time, is there).

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use avanzacast_tests::{Answer, Api, Load, Postgres, Stack, StackOptions, assert_events_equal_ledger, require};
use serde_json::json;
use tokio::task::JoinHandle;

const CALLERS: usize = 16;

/// Callers who make one broadcast after another until they are stopped.
struct Makers {
    stopping: Arc<AtomicBool>,
    made: Arc<AtomicUsize>,
    callers: Vec<JoinHandle<Vec<Answer>>>,
}

impl Makers {
    fn start(api: &Api) -> Self {
        let (stopping, made) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let callers = (0..CALLERS).map(|caller| {
            let (stopping, made, api) = (Arc::clone(&stopping), Arc::clone(&made), api.clone());
            tokio::spawn(async move {
                let mut answers = Vec::new();
                while !stopping.load(Ordering::SeqCst) {
                    answers.push(api.post("/api/broadcasts", &json!({"title": format!("of {caller}")})).await);
                    made.fetch_add(1, Ordering::SeqCst);
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                answers
            })
        });
        let callers = callers.collect();
        Self { stopping, made, callers }
    }

    async fn wait_for(&self, more: usize) {
        let wanted = self.made.load(Ordering::SeqCst) + more;
        let enough = async {
            while self.made.load(Ordering::SeqCst) < wanted {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), enough).await.expect("answers");
    }

    async fn stop(self) -> Vec<Answer> {
        self.stopping.store(true, Ordering::SeqCst);
        let mut answers = Vec::new();
        for caller in self.callers {
            answers.extend(caller.await.unwrap());
        }
        answers
    }
}

/// Everybody was answered 201, and that is what the database and the ledger have: each once, and nothing else.
fn assert_made(stack: &Stack, answers: Vec<Answer>) {
    let count = answers.len();
    let told: BTreeSet<String> = answers.into_iter().map(|answer| answer.expect(201).str("id").to_owned()).collect();
    assert_eq!(told.len(), count, "two callers were given the same broadcast");
    let lines = |sql: &str| stack.sql(sql).lines().map(str::to_owned).collect::<Vec<_>>();
    let rows = lines("SELECT id FROM broadcast");
    assert_eq!(rows.iter().cloned().collect::<BTreeSet<_>>(), told, "the table");
    let in_order = "SELECT body::json->'data'->>'broadcast' FROM ledger
        WHERE body::json->>'type' = 'broadcast.created' ORDER BY seq";
    assert_eq!(lines(in_order), told.into_iter().collect::<Vec<_>>(), "the ledger, and ids are in its order");
    assert_eq!(stack.count("SELECT count(*) FROM person WHERE subject LIKE 'broadcast_%'"), rows.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn killed_under_load_and_restarted_nobody_notices() {
    require!(Postgres::available());
    let mut stack = Stack::postgres(StackOptions::default()).await;
    let makers = Makers::start(&stack.api().with_secret(stack.secret()));
    for _ in 0..3 {
        makers.wait_for(200).await;
        stack.restart_studio(0);
    }
    makers.wait_for(200).await;
    assert_made(&stack, makers.stop().await);
    assert_events_equal_ledger(&stack).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_of_two_killed_beside_sessions_the_other_goes_on() {
    require!(Postgres::available());
    let stack = Stack::postgres(StackOptions { studios: 2, ..StackOptions::default() }).await;
    let makers = Makers::start(&stack.api().with_secret(stack.secret()));
    // They append to the same ledger, so each is in the other's way.
    let sessions = Load::start(&[stack.api()], CALLERS, "beside");
    makers.wait_for(200).await;
    stack.studios[0].kill9();
    makers.wait_for(400).await;
    assert_made(&stack, makers.stop().await);
    for answer in sessions.stop().await {
        answer.expect(201);
    }
    assert_events_equal_ledger(&stack).await;
}

/// Both services write one file, each from a connection of its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn on_sqlite_sessions_and_broadcasts_are_made_at_once() {
    let stack = Stack::sqlite().await;
    let makers = Makers::start(&stack.api().with_secret(stack.secret()));
    let sessions = Load::start(&[stack.api()], CALLERS, "beside");
    makers.wait_for(400).await;
    sessions.wait_for_sessions(100);
    let (made, sessions) = (makers.stop().await, sessions.stop().await);
    let lines = |sql: &str| stack.query(sql).lines().map(str::to_owned).collect::<Vec<_>>();
    let told: BTreeSet<String> = made.into_iter().map(|answer| answer.expect(201).str("id").to_owned()).collect();
    assert_eq!(lines("SELECT id FROM broadcast ORDER BY id"), told.into_iter().collect::<Vec<_>>());
    let told = sessions.into_iter().map(|answer| answer.expect(201)).collect::<Vec<_>>().len();
    assert_eq!(lines("SELECT count(*) FROM session"), [told.to_string()]);
}
