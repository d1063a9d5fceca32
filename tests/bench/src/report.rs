//! The figures: medians over the rounds, and ratios to the reference of the same round.

use std::time::Duration;

use avanzacast_tests::{Postgres, Stack};

use crate::{Case, load::Outcome, processes::Usage};

/// One round of one case.
#[derive(Debug)]
pub(crate) struct Figures {
    pub(crate) reference: Outcome,
    pub(crate) ours: Outcome,
    pub(crate) used: Usage,
    pub(crate) batches: Batches,
}

/// One case, over all rounds.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) case: Case,
    pub(crate) rounds: Vec<Figures>,
}

impl Row {
    pub(crate) fn new(case: Case) -> Self {
        Self { case, rounds: Vec::new() }
    }

    fn median(&self, figure: impl Fn(&Figures) -> f64) -> f64 {
        let mut values: Vec<f64> = self.rounds.iter().map(figure).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    }
}

/// What the database counted. Every batch updates the ledger's head once, so updates are batches; a batch that
/// finds nobody in its way takes two round trips, its read and its write, and each is a transaction of its own.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Batches {
    events: f64,
    batches: f64,
}

impl Batches {
    pub(crate) fn since(self, before: &Self) -> Self {
        Self { events: self.events - before.events, batches: self.batches - before.batches }
    }
}

/// Reads the counters; PostgreSQL brings them up to date about a second after the work.
pub(crate) async fn batches(stack: &Stack) -> Batches {
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let sql = "SELECT (SELECT size FROM ledger_head) || ' ' || n_tup_upd FROM pg_stat_user_tables \
               WHERE relname = 'ledger_head'";
    let answer = Postgres::shared().query(stack.database.as_deref().unwrap(), sql);
    let mut numbers = answer.split_whitespace().map(|number| number.parse().unwrap());
    Batches { events: numbers.next().unwrap(), batches: numbers.next().unwrap() }
}

const SERVERS: [&str; 5] = ["edge", "worker", "room worker", "nats-server", "PostgreSQL"];

pub(crate) fn print(rows: &[Row]) {
    println!("| request | connections | mint handler | ours | ratio | target | p50 ms | p99 ms | sessions per batch |");
    println!("|---|---|---|---|---|---|---|---|---|");
    for row in rows {
        let ratio = row.median(|round| round.ours.per_second / round.reference.per_second);
        let target = row
            .case
            .target
            .map_or("–".to_owned(), |target| format!("{target} {}", if ratio >= target { "met" } else { "missed" }));
        println!(
            "| {} | {} | {:.0}/s | {:.0}/s | {ratio:.3} | {target} | {:.2} | {:.2} | {:.1} |",
            row.case.name,
            row.case.connections,
            row.median(|round| round.reference.per_second),
            row.median(|round| round.ours.per_second),
            row.median(|round| round.ours.p50_ms),
            row.median(|round| round.ours.p99_ms),
            row.median(|round| round.batches.events / round.batches.batches.max(1.0)),
        );
    }
    println!("\nprocessor time per request, µs:\n\n| request | connections | {} | all |", SERVERS.join(" | "));
    println!("|---|---|---|---|---|---|---|---|");
    for row in rows {
        let micros =
            |round: &Figures, server: &str| round.used.0.get(server).unwrap_or(&0.0) * 1e6 / round.ours.requests as f64;
        let cells: Vec<String> =
            SERVERS.iter().map(|server| format!("{:.0}", row.median(|round| micros(round, server)))).collect();
        let all = row.median(|round| SERVERS.iter().map(|server| micros(round, server)).sum());
        println!("| {} | {} | {} | {all:.0} |", row.case.name, row.case.connections, cells.join(" | "));
    }
}
