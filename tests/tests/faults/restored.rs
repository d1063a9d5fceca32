//! The database that comes back is not the one that went: an older copy, another ledger. Promise 4: a ledger that lost
//! rows is noticed before anything is appended.

#![expect(clippy::unwrap_used, reason = "what a test asks for on its way fails the test, too")]

use std::time::Duration;

use avanzacast_schemas::bus::BusUser;
use avanzacast_tests::{
    Load, Postgres, Process, Stack, StackOptions, assert_books, assert_events_equal_ledger, assert_same_lines, events,
    eventually, require, wait_until,
};
use serde_json::json;

const CALLERS: usize = 8;
/// A worker sweeps once a second.
const SWEEPS: Duration = Duration::from_millis(3_500);

/// Takes `wanted` into the place of the stack's database, whose name becomes `aside`, while the workers run.
fn swap(stack: &Stack, wanted: &str, aside: &str) {
    let (cluster, name) = (stack.cluster(), stack.database.as_deref().unwrap());
    let sql = |sql: String| cluster.query("postgres", &sql);
    let evict = |database: &str| {
        sql(format!("ALTER DATABASE \"{database}\" ALLOW_CONNECTIONS false"));
        sql(format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'"));
        wait_until("nobody is connected", || {
            cluster.query("postgres", &format!("SELECT count(*) FROM pg_stat_activity WHERE datname = '{database}'"))
                == "0"
        });
    };
    evict(name);
    evict(wanted);
    sql(format!("ALTER DATABASE \"{name}\" RENAME TO \"{aside}\""));
    sql(format!("ALTER DATABASE \"{wanted}\" RENAME TO \"{name}\""));
    for database in [name, aside] {
        sql(format!("ALTER DATABASE \"{database}\" ALLOW_CONNECTIONS true"));
    }
}

fn logs(process: &Process, text: &str) -> bool {
    process.logs().iter().any(|line| line.contains(text))
}

fn head(stack: &Stack, database: &str) -> String {
    stack.cluster().query(database, "SELECT * FROM ledger_head")
}

/// Under load: everybody is refused, nothing is appended to what had this head, and the log says why.
async fn assert_refuses(stack: &Stack, before: &str, why: &str) {
    let load = Load::start(&[stack.api()], CALLERS, "refused");
    load.wait_for_answers(4 * CALLERS);
    let mut answers = load.stop().await;
    // At first the database is away for a moment, and who was asked then knows no more.
    let body = json!({"room": "refused", "username": "Ana"});
    eventually("it is noticed", async || stack.api().post("/api/session", &body).await.str("code") == "ledger_behind")
        .await;
    let refused = stack.api().post("/api/session", &body).await.problem(503, "ledger_behind");
    assert_eq!(refused.header("retry-after"), Some("1"));
    let health = stack.api().get("/health").await.expect(503);
    assert_eq!(health.body["checks"]["database"], "down", "it takes nothing: {health:#?}");
    answers.retain(|answer| answer.status < 300);
    assert!(answers.is_empty(), "{answers:#?}");
    assert_eq!(head(stack, stack.database.as_deref().unwrap()), before);
    assert_eq!(stack.sql("SELECT count(*) FROM session WHERE room = 'refused'"), "0");
    for worker in &stack.workers {
        wait_until("the log says why", || logs(worker, why));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_older_copy_is_noticed_and_the_newer_one_welcome() {
    require!(Postgres::available());
    let stack = Stack::postgres(StackOptions { workers: 2, ..StackOptions::default() }).await;
    let name = stack.database.clone().unwrap();
    let (older, newer) = (format!("{name}_older"), format!("{name}_newer"));
    let load = Load::start(&[stack.api()], CALLERS, "load");
    load.wait_for_sessions(100);
    // These are due when the copy comes back: a sweep has something to append to it.
    for _ in 0..3 {
        let short = json!({"room": "short", "username": "Ana", "ttl": 2});
        stack.api().post("/api/session", &short).await.expect(201);
    }
    stack.cluster().copy_database(&name, &older);
    load.wait_for_sessions(100);
    let mut answers = load.stop().await;
    let open = "SELECT count(*) FROM session WHERE room = 'short' AND state = 'open'";
    wait_until("they have expired here", || stack.sql(open) == "0");
    assert_eq!(stack.cluster().query(&older, open), "3");
    assert_events_equal_ledger(&stack).await;
    let before = head(&stack, &older);
    swap(&stack, &older, &newer);
    assert_refuses(&stack, &before, "ledger_behind: ").await;

    swap(&stack, &newer, &older);
    let load = Load::start(&[stack.api()], CALLERS, "load");
    load.wait_for_sessions(100);
    answers.extend(load.stop().await);
    assert_books(&stack, "load", &answers);
    assert_events_equal_ledger(&stack).await;
}

/// Nobody can see EVENTS when the older copy comes, and its sweep has something to do at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_older_copy_that_comes_while_the_bus_is_away_waits_for_it() {
    require!(Postgres::available());
    let stack = Stack::postgres(StackOptions { proxy_worker_bus: true, ..StackOptions::default() }).await;
    let name = stack.database.clone().unwrap();
    let (older, newer) = (format!("{name}_older"), format!("{name}_newer"));
    for _ in 0..3 {
        let short = json!({"room": "short", "username": "Ana", "ttl": 2});
        stack.api().post("/api/session", &short).await.expect(201);
    }
    stack.cluster().copy_database(&name, &older);
    wait_until("they have expired here", || stack.sql("SELECT count(*) FROM session WHERE state = 'open'") == "0");
    assert_events_equal_ledger(&stack).await;
    let before = head(&stack, &older);
    stack.worker_bus_proxy.as_ref().unwrap().cut();
    swap(&stack, &older, &newer);
    let connected = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
        AND application_name = 'avanzacast'";
    wait_until("watch and sweep are connected again", || stack.count(connected) >= 2);
    // Several sweeps, each of which would end those three.
    tokio::time::sleep(SWEEPS).await;
    assert_eq!(head(&stack, &name), before, "appended without a look at EVENTS");
    stack.worker_bus_proxy.as_ref().unwrap().heal();
    assert_refuses(&stack, &before, "ledger_behind: ").await;
}

/// As many events as EVENTS has, but others: a failover that lost its tail and went on.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_ledger_that_went_another_way_is_noticed() {
    require!(Postgres::available());
    let mut stack = Stack::postgres(StackOptions::default()).await;
    let name = stack.database.clone().unwrap();
    let (other, ours) = (format!("{name}_other"), format!("{name}_ours"));
    stack.api().post("/api/session", &json!({"room": "common", "username": "Ana"})).await.expect(201);
    stack.cluster().copy_database(&name, &other);
    stack.api().post("/api/session", &json!({"room": "ours", "username": "Ana"})).await.expect(201);
    assert_events_equal_ledger(&stack).await;
    // Somebody whom this bus does not know wrote to the copy.
    stack.cluster().query(
        &other,
        "UPDATE ledger_head SET size = 2;
         INSERT INTO ledger SELECT 2, replace(body, 'common', 'theirs') FROM ledger WHERE seq = 1",
    );
    let before = head(&stack, &other);
    swap(&stack, &other, &ours);
    assert_refuses(&stack, &before, "ledger_behind: ").await;
    // Nor does a restart help.
    stack.restart_worker(0);
    assert_refuses(&stack, &before, "ledger_behind: ").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_foreign_ledger_is_refused_at_runtime_and_at_start() {
    require!(Postgres::available());
    let stack = Stack::postgres(StackOptions::default()).await;
    let foreign = Stack::postgres(StackOptions::default()).await;
    // It goes further than ours, so there is something that must not be relayed.
    for _ in 0..5 {
        foreign.api().post("/api/session", &json!({"room": "theirs", "username": "Ana"})).await.expect(201);
    }
    assert!(foreign.workers[0].terminate().success());
    let ledger = "SELECT body FROM ledger ORDER BY seq";
    stack.api().post("/api/session", &json!({"room": "ours", "username": "Ana"})).await.expect(201);
    assert_events_equal_ledger(&stack).await;
    let (theirs, ours) = (foreign.database.as_deref().unwrap(), format!("{}_ours", stack.database.as_deref().unwrap()));
    let before = head(&stack, theirs);
    swap(&stack, theirs, &ours);
    assert_refuses(&stack, &before, "ledger_foreign: ").await;
    let jetstream = async_nats::jetstream::new(stack.nats.as_ref().unwrap().connect(BusUser::Admin).await);
    assert_same_lines(&stack.cluster().query(&ours, ledger), &events(&jetstream, 1).await);

    for refused in [stack.start_provision(), stack.start_worker()] {
        assert!(!refused.wait().success(), "it starts on a foreign ledger");
        assert!(logs(&refused, "ledger_foreign"), "{:#?}", refused.logs());
    }
    swap(&stack, &ours, theirs);
    eventually("it works again", async || {
        stack.api().post("/api/session", &json!({"room": "ours", "username": "Ana"})).await.status == 201
    })
    .await;
    assert_events_equal_ledger(&stack).await;
}
