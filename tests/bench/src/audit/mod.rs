//! The audit, on a long ledger: what replay and verify manage, what a question costs, and what the length of the ledger costs
//! those who do not ask. Everything runs on the servers' two cores but what counts the lines and asks for sessions.

mod ask;
mod fill;

use std::time::{Duration, Instant};

use avanzacast_tests::{Stack, StackOptions, eventually};
use avanzacast_worker::ledger::{Frontier, leaf};
use rustix::thread::{CpuSet, sched_setaffinity};

use self::{
    ask::{Measured, median},
    fill::{Filled, fill},
};
use crate::{
    Options, cores,
    load::{Job, Load},
    processes::Usage,
};

/// Connections that ask for sessions.
const CONNECTIONS: usize = 32;
/// Rounds of hashing.
const HASHED: usize = 100;
/// Times that a question is asked; the median is printed.
const ASKED: u64 = 30;

/// Where what runs is to run.
#[derive(Debug, Clone)]
struct Cores {
    servers: CpuSet,
    rest: CpuSet,
}

impl Cores {
    /// Starts something on the servers' cores: children inherit those of the thread that starts them.
    fn with_servers<T>(&self, start: impl FnOnce() -> T) -> T {
        sched_setaffinity(None, &self.servers).unwrap();
        let started = start();
        sched_setaffinity(None, &self.rest).unwrap();
        started
    }
}

/// Prints a table.
pub(crate) fn run(options: &Options) {
    let (servers, rest, apart) = cores();
    let cores = Cores { servers, rest };
    sched_setaffinity(None, &cores.servers).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (empty, mut long, filled) = runtime.block_on(stacks(options.rows));
    sched_setaffinity(None, &cores.rest).unwrap();
    println!("{} events; servers and audit on 2 cores, the rest on {apart} others\n", filled.size);
    println!("| what | measured | target |");
    println!("|---|---|---|");
    let hashing = hashing();
    let loading = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let post = posts(options, &loading, &empty, &long);
    hashings_share(hashing, post);
    drop(empty);
    speeds(&cores, &long);
    questions(&cores, &long, &filled);
    loading.block_on(proofs(&long, &filled));
    long.edges.clear();
}

/// What an event costs whoever appends it, in microseconds: its own hash, and those above.
fn hashing() -> f64 {
    let lines: Vec<String> = (1..=10_000).map(|seq| fill::line(seq, 1_770_000_000_000)).collect();
    let mut frontier = Frontier::default();
    let start = Instant::now();
    for _ in 0..HASHED {
        lines.iter().for_each(|line| frontier.append_hash(leaf(line.as_bytes())));
    }
    let each = start.elapsed().as_secs_f64() * 1e6 / (lines.len() * HASHED) as f64;
    assert_eq!(frontier.size(), (lines.len() * HASHED) as u64);
    each
}

/// Hashing's share of what a POST costs all servers together: each of these is one event.
fn hashings_share(hashing: f64, post: f64) {
    let share = hashing / post;
    row(
        "hashing of an event, of the processor time that a POST takes",
        &format!("{hashing:.2} µs of {post:.0} µs, {:.1} %", share * 100.0),
        Some(("under 10 %", share < 0.1)),
    );
}

/// A stack with an empty ledger, and one with a long one.
async fn stacks(rows: u64) -> (Stack, Stack, Filled) {
    // The stream holds a window of some 1.3 million events, the latest day; the checkpoint is there soon.
    let env = [("EVENTS_RETENTION_DAYS", "1"), ("AUDIT_CHECKPOINT_SECONDS", "2")];
    let env: Vec<(String, String)> = env.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let none = StackOptions { edges: 0, workers: 0, studios: 0, env: env.clone(), ..Default::default() };
    let mut long = Stack::postgres(none).await;
    let filled = fill(&long, rows);
    let streams = async_nats::jetstream::new(long.admin().await);
    // Made anew, it begins with what is younger than its retention.
    streams.delete_stream("EVENTS").await.unwrap();
    long.provision();
    long.workers = vec![long.start_worker()];
    drop(long.workers[0].wait_for_log("ready"));
    long.audits = vec![long.start_audit()];
    drop(long.audits[0].wait_for_log("ready"));
    long.edges = vec![long.start_edge()];
    drop(long.edges[0].wait_for_log("listening"));
    let last = async || streams.get_stream("EVENTS").await.unwrap().cached_info().state.last_sequence;
    while last().await < filled.size {
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    eventually("the end is signed", async || long.sql("SELECT max(size) FROM checkpoint") == filled.size.to_string())
        .await;
    let empty = Stack::postgres(StackOptions { audits: 1, env, ..Default::default() }).await;
    (empty, long, filled)
}

/// What the ledger's length costs those who do not ask: the same load on both, in turns. Answers what a request costs all who
/// serve it, in microseconds of processor time.
fn posts(options: &Options, loading: &tokio::runtime::Runtime, empty: &Stack, long: &Stack) -> f64 {
    let post = |stack: &Stack| {
        let (address, duration) = (stack.edges[0].addr(), Duration::from_secs(options.seconds));
        let load = Load { address, connections: CONNECTIONS, job: Job::Create, duration };
        loading.block_on(load.run())
    };
    let (mut on_empty, mut on_long, mut costs) = (Vec::new(), Vec::new(), Vec::new());
    // Once unmeasured: plans, caches, connections.
    post(empty);
    post(long);
    for _ in 0..options.rounds {
        let before = Usage::now();
        let outcome = post(empty);
        costs.push(Usage::now().since(&before).serving() * 1e6 / outcome.requests as f64);
        on_empty.push(outcome.per_second);
        on_long.push(post(long).per_second);
    }
    let (on_empty, on_long) = (median(on_empty), median(on_long));
    let ratio = on_long / on_empty;
    row(
        "POST on this ledger against POST on an empty one",
        &format!("{on_long:.0}/s against {on_empty:.0}/s, {ratio:.2}"),
        Some(("at least 0.9", ratio >= 0.9)),
    );
    median(costs)
}

/// Replay and verify, as whole programs: their start and the connection are in it.
fn speeds(cores: &Cores, long: &Stack) {
    for (what, arguments) in [
        ("replay from the stream to NDJSON", &["replay"][..]),
        ("replay from the ledger to NDJSON", &["replay", "--source", "ledger"]),
        ("verify of the stream", &["verify", "--source", "stream"]),
        ("verify of the ledger, its index and its tiles", &["verify"]),
    ] {
        let Measured { seconds, lines, said } = ask::run(cores, long, arguments);
        let events = if arguments[0] == "replay" { lines } else { ask::looked_at(&said) };
        let rate = events as f64 / seconds;
        let target = (what != "replay from the ledger to NDJSON").then_some(("at least 200000/s", rate >= 200_000.0));
        row(what, &format!("{events} events in {seconds:.1} s, {rate:.0}/s"), target);
    }
    let Measured { seconds, lines, .. } = ask::replay_verified(cores, long);
    let rate = lines as f64 / seconds;
    row(
        "replay from the stream to NDJSON, into `verify -`",
        &format!("{lines} events in {seconds:.1} s, {rate:.0}/s"),
        Some(("at least 200000/s", rate >= 200_000.0)),
    );
}

/// Questions, as whole programs.
fn questions(cores: &Cores, long: &Stack, filled: &Filled) {
    let no_database = median((0..ASKED).map(|_| ask::run(cores, long, &["--help"]).seconds * 1e3).collect());
    row("the program's own start (`audit --help`)", &format!("{no_database:.1} ms"), None);
    let ask = |what: &str, question: &dyn Fn(u64) -> Vec<String>| {
        let mut lines = 0;
        let times = (0..ASKED).map(|turn| {
            let question = question(turn * filled.sessions / ASKED);
            let measured = ask::run(cores, long, &question.iter().map(String::as_str).collect::<Vec<_>>());
            lines = measured.lines;
            measured.seconds * 1e3
        });
        let ms = median(times.collect());
        row(what, &format!("{ms:.1} ms, {lines} lines"), Some(("under 50 ms", ms < 50.0)));
    };
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let of = |what: &str| ["replay", "--source", "ledger", what].map(str::to_owned).to_vec();
    ask("one session, by the index", &|n| [of("--session"), vec![fill::participant(n)]].concat());
    ask("one room, by the index", &|n| [of("--room"), vec![filled.room(n)]].concat());
    ask("who was in one room", &|n| [words(&["who", "--at", &filled.middle, "--room"]), vec![filled.room(n)]].concat());
    ask("who by one session", &|n| [words(&["who", "--session"]), vec![fill::participant(n)]].concat());
}

/// Proofs over HTTP, as others ask for them: the bus is in it.
async fn proofs(long: &Stack, filled: &Filled) {
    let api = long.api().with_secret(long.secret());
    let mut times = Vec::new();
    for turn in 0..ASKED * 10 {
        let path = format!("/api/audit/proof/{}", 1 + turn * (filled.size - 1) / (ASKED * 10));
        let asked = Instant::now();
        api.get(&path).await.expect(200);
        times.push(asked.elapsed().as_secs_f64() * 1e3);
    }
    let ms = median(times);
    row("an inclusion proof, over HTTP", &format!("{ms:.1} ms"), Some(("under 10 ms", ms < 10.0)));
}

fn row(what: &str, measured: &str, target: Option<(&str, bool)>) {
    let target = target
        .map_or_else(|| "–".to_owned(), |(target, met)| format!("{target}: {}", if met { "met" } else { "missed" }));
    println!("| {what} | {measured} | {target} |");
}
