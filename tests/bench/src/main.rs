//! The benchmark: the product against a handler that only mints, in the same run, on the same two cores.
//!
//! `cargo run --release -p avanzacast-bench`; see README.md beside this crate for what the figures are.

mod audit;
mod load;
mod mint;
mod processes;
mod report;

use std::time::Duration;

use avanzacast_tests::{Launch, Postgres, Process, Stack, StackOptions};
use clap::Parser;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::{
    load::{Job, Load},
    processes::Usage,
    report::{Figures, Row},
};

/// What to measure.
#[derive(Debug, Parser)]
struct Options {
    /// Seconds per measurement.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Rounds; the medians are printed.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Also make this many sessions, and say what memory that took.
    #[arg(long, default_value_t = 0)]
    sessions: u64,
    /// Room workers beside: they follow the ledger, and have nothing to do for sessions.
    #[arg(long, default_value_t = 1)]
    rooms: usize,
    /// Measures the audit instead, on a ledger of so many events.
    #[arg(long)]
    audit: bool,
    /// How many events that are.
    #[arg(long, default_value_t = 10_000_000)]
    rows: u64,
    /// The reference server; started by the benchmark itself.
    #[arg(long, hide = true)]
    mint: bool,
}

/// Cores of the servers, and of the load generator: apart where there are more than two.
fn cores() -> (CpuSet, CpuSet, usize) {
    let all = sched_getaffinity(None).unwrap();
    let usable: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|core| all.is_set(*core)).collect();
    let set = |cores: &[usize]| {
        let mut set = CpuSet::new();
        cores.iter().for_each(|core| set.set(*core));
        set
    };
    let (servers, rest) = usable.split_at(usable.len().min(2));
    (set(servers), set(if rest.is_empty() { servers } else { rest }), rest.len())
}

fn main() {
    let options = Options::parse();
    if options.mint {
        return mint::serve();
    }
    if cfg!(debug_assertions) {
        panic!("measure the release build: cargo run --release -p avanzacast-bench");
    }
    if options.audit {
        return audit::run(&options);
    }
    let (servers, generator, apart) = cores();
    // Children inherit the cores of the thread that starts them.
    sched_setaffinity(None, &servers).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut stack = runtime.block_on(Stack::postgres(StackOptions { rooms: options.rooms, ..Default::default() }));
    let reference = Launch::program(std::env::current_exe().unwrap(), &["--mint"]).named("mint").start();
    sched_setaffinity(None, &generator).unwrap();
    println!(
        "servers on 2 cores, the load on {}\n",
        if apart == 0 { "the same".to_owned() } else { format!("{apart} others") }
    );
    let loading =
        tokio::runtime::Builder::new_multi_thread().worker_threads(apart.max(1)).enable_all().build().unwrap();
    loading.block_on(run(&options, &stack, &reference));
    stack.edges.clear();
}

/// One kind of request at one number of connections.
#[derive(Debug, Clone, Copy)]
struct Case {
    name: &'static str,
    connections: usize,
    /// The lowest ratio to the reference at the same number of connections that the product is meant to reach.
    target: Option<f64>,
}

const CASES: [Case; 4] = [
    Case { name: "POST", connections: 1, target: None },
    Case { name: "POST", connections: 32, target: Some(0.07) },
    Case { name: "POST", connections: 128, target: Some(0.10) },
    Case { name: "GET", connections: 64, target: Some(0.4) },
];
/// Sessions that GET asks for, in turn.
const READ_SESSIONS: usize = 1_000;

async fn run(options: &Options, stack: &Stack, reference: &Process) {
    let (edge, mint) = (stack.edges[0].addr(), reference.addr());
    let duration = Duration::from_secs(options.seconds);
    let idle = processes::memory(stack);
    let paths = load::make_sessions(edge, READ_SESSIONS).await;
    // Everything once, unmeasured: plans, caches, connections.
    for (address, job) in [(mint, Job::Create), (edge, Job::Create), (edge, Job::Read(paths.clone()))] {
        Load { address, connections: 32, job, duration: Duration::from_secs(2) }.run().await;
    }
    let mut rows: Vec<Row> = CASES.iter().map(|case| Row::new(*case)).collect();
    for round in 1..=options.rounds {
        eprintln!("round {round} of {}", options.rounds);
        for row in &mut rows {
            let Case { name, connections, .. } = row.case;
            let reference = Load { address: mint, connections, job: Job::Create, duration }.run().await;
            let job = if name == "GET" { Job::Read(paths.clone()) } else { Job::Create };
            let (usage, batches) = (Usage::now(), report::batches(stack).await);
            let ours = Load { address: edge, connections, job, duration }.run().await;
            let used = Usage::now().since(&usage);
            row.rounds.push(Figures { reference, ours, used, batches: report::batches(stack).await.since(&batches) });
        }
    }
    report::print(&rows);
    println!("\nmemory of our processes, MB (now / highest): idle {idle}; after the run {}", processes::memory(stack));
    if options.sessions > 0 {
        load::make_many(edge, options.sessions).await;
        println!("after {} sessions more: {}", options.sessions, processes::memory(stack));
    }
    let ledger = Postgres::shared().query(stack.database.as_deref().unwrap(), "SELECT size FROM ledger_head");
    println!("events in the ledger: {}", ledger.trim());
}
