//! What is derived from the ledger can be lost and made again. Promises: a worker that is killed again and again, with EVENTS
//! deleted meanwhile, derives what one derives that begins anew; and beginning anew is no reason to sign nothing any more.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_nats::jetstream;
use avanzacast_tests::{Api, Stack, eventually};
use serde_json::json;
use tokio::task::JoinSet;

/// More than a worker takes in one step: it begins anew in several, and what was signed lies beyond the first.
const EVENTS: usize = 2_300;
const CALLERS: usize = 8;
const ROUNDS: usize = 3;
/// Long enough for some steps, each of a quarter of a second.
const WORKING: Duration = Duration::from_millis(900);

/// Callers whose questions may be lost with whom they ask.
struct Callers {
    stopping: Arc<AtomicBool>,
    all: JoinSet<()>,
}

impl Callers {
    fn start(api: &Api) -> Self {
        let (stopping, mut all) = (Arc::new(AtomicBool::new(false)), JoinSet::new());
        for caller in 0..CALLERS {
            let (api, stopping) = (api.clone(), Arc::clone(&stopping));
            all.spawn(async move {
                let body = json!({"room": format!("room {}", caller % 3), "username": "Ana"});
                while !stopping.load(Ordering::SeqCst) && api.try_post("/api/session", &body).await.is_ok() {}
            });
        }
        Self { stopping, all }
    }

    async fn stop(self) {
        self.stopping.store(true, Ordering::SeqCst);
        self.all.join_all().await;
    }
}

/// Whoever derives: beside PostgreSQL a process of its own, with SQLite everything.
fn kill(stack: &mut Stack) {
    if stack.is_sqlite() { stack.edges[0].kill9() } else { stack.audits[0].kill9() }
}

fn start(stack: &mut Stack) {
    if stack.is_sqlite() {
        stack.restart_up();
        return;
    }
    // The dead one's lease need not be waited for.
    stack.query("UPDATE reactor SET lease_until = 0 WHERE name = 'audit'");
    stack.audits[0] = stack.start_audit();
    let _ = stack.audits[0].wait_for_log("ready");
}

async fn all_is_derived_and_signed(stack: &Stack) -> String {
    let size = stack.query("SELECT size FROM ledger_head");
    stack.until_indexed().await;
    eventually("all is signed", async || {
        stack.query("SELECT max(size) FROM checkpoint") == stack.query("SELECT size FROM ledger_head")
    })
    .await;
    size
}

/// How the events of an hour were counted may differ, what they come to may not.
fn derived(stack: &Stack) -> [String; 3] {
    [
        "SELECT kind, key, seq FROM ledger_index ORDER BY kind, key, seq",
        "SELECT level, n, root, hashes FROM ledger_tile ORDER BY level, n",
        "SELECT hour, type, sum(count) FROM ledger_count GROUP BY hour, type ORDER BY hour, type",
    ]
    .map(|sql| stack.query(sql))
}

async fn killed_under_load(stack: &mut Stack) {
    for round in 0..ROUNDS {
        let callers = Callers::start(&stack.api());
        tokio::time::sleep(WORKING).await;
        kill(stack);
        if round == 1 && !stack.is_sqlite() {
            // From the ledger, and then from a stream that begins later.
            jetstream::new(stack.admin().await).delete_stream("EVENTS").await.unwrap();
        }
        start(stack);
        if round == 1 && stack.is_sqlite() {
            jetstream::new(stack.admin().await).delete_stream("EVENTS").await.unwrap();
        }
        callers.stop().await;
        if !stack.is_sqlite() {
            stack.provision();
        }
    }
    let callers = Callers::start(&stack.api());
    let size = || stack.query("SELECT size FROM ledger_head").parse::<usize>().unwrap();
    eventually("there is enough", async || size() > EVENTS).await;
    callers.stop().await;
}

fn forget_what_is_derived(stack: &Stack) {
    for table in ["ledger_index", "ledger_tile", "ledger_count"] {
        stack.query(&format!("DELETE FROM {table}"));
    }
    stack.query("UPDATE reactor SET position = 0, lease_until = 0 WHERE name = 'audit'");
}

async fn made_again_it_is_the_same(mut stack: Stack) {
    killed_under_load(&mut stack).await;
    all_is_derived_and_signed(&stack).await;
    let _ = stack.audited(&["verify"]);
    let before = derived(&stack);
    assert!(before.iter().all(|rows| !rows.is_empty()));

    kill(&mut stack);
    forget_what_is_derived(&stack);
    start(&mut stack);
    all_is_derived_and_signed(&stack).await;
    for (before, after) in before.iter().zip(derived(&stack)) {
        assert!(*before == after, "{} bytes before, {} after", before.len(), after.len());
    }
    let _ = stack.audited(&["verify"]);

    // What was signed lay ahead for a while, which is no reason to sign nothing any more.
    stack.api().post("/api/session", &json!({"room": "demo", "username": "Ana"})).await.expect(201);
    all_is_derived_and_signed(&stack).await;
}

mod made_again {
    use avanzacast_tests::{Postgres, StackOptions, require};

    use super::*;

    fn env(folder: &tempfile::TempDir) -> Vec<(String, String)> {
        let file = folder.path().join("checkpoints").display().to_string();
        vec![("AUDIT_CHECKPOINT_SECONDS".to_owned(), "1".to_owned()), ("AUDIT_CHECKPOINT_FILE".to_owned(), file)]
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn sqlite() {
        let folder = tempfile::tempdir().unwrap();
        made_again_it_is_the_same(Stack::sqlite_with(env(&folder)).await).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn postgres() {
        require!(Postgres::available());
        let folder = tempfile::tempdir().unwrap();
        let options = StackOptions { audits: 1, env: env(&folder), ..Default::default() };
        made_again_it_is_the_same(Stack::postgres(options).await).await;
    }
}
