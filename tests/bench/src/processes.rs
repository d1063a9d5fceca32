//! What the servers use, as the kernel counts it (proc(5)).

use std::{collections::BTreeMap, fs, process};

use avanzacast_tests::Stack;

/// Its command, and what it is called.
const AUDIT: (&str, &str) = ("audit-worker", "audit worker");

/// Seconds of processor time so far, by kind of server.
#[derive(Debug, Clone, Default)]
pub(crate) struct Usage(pub(crate) BTreeMap<&'static str, f64>);

impl Usage {
    /// Of everything that descends from this process.
    pub(crate) fn now() -> Self {
        let all: BTreeMap<u32, Seen> = fs::read_dir("/proc")
            .unwrap()
            .flatten()
            .filter_map(|entry| {
                let pid = entry.file_name().to_str()?.parse().ok()?;
                Some((pid, Seen::read(pid)?))
            })
            .collect();
        let mut usage = Self::default();
        for (pid, seen) in &all {
            if let Some(kind) = kind(*pid, seen).filter(|_| descends(*pid, &all)) {
                *usage.0.entry(kind).or_default() += seen.seconds;
            }
        }
        usage
    }

    /// What those use who serve a request: all but the audit worker, for which nobody waits.
    pub(crate) fn serving(&self) -> f64 {
        self.0.iter().filter(|(kind, _)| **kind != AUDIT.1).map(|(_, seconds)| seconds).sum()
    }

    /// What was used since then.
    pub(crate) fn since(&self, before: &Self) -> Self {
        let used = |(kind, now): (&&'static str, &f64)| (*kind, now - before.0.get(*kind).unwrap_or(&0.0));
        Self(self.0.iter().map(used).collect())
    }
}

struct Seen {
    name: String,
    parent: u32,
    seconds: f64,
}

impl Seen {
    fn read(pid: u32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name stands in brackets and may hold anything.
        let (start, end) = (stat.find('(')?, stat.rfind(')')?);
        let fields: Vec<&str> = stat[end + 1..].split_whitespace().collect();
        let ticks: f64 = fields.get(11)?.parse::<f64>().ok()? + fields.get(12)?.parse::<f64>().ok()?;
        Some(Self {
            name: stat[start + 1..end].to_owned(),
            parent: fields.get(1)?.parse().ok()?,
            seconds: ticks / rustix::param::clock_ticks_per_second() as f64,
        })
    }
}

fn kind(pid: u32, seen: &Seen) -> Option<&'static str> {
    match seen.name.as_str() {
        "postgres" => Some("PostgreSQL"),
        "nats-server" => Some("nats-server"),
        "avanzacast" => {
            let arguments = fs::read_to_string(format!("/proc/{pid}/cmdline")).ok()?;
            let role = [("session-worker", "worker"), ("room-worker", "room worker"), (AUDIT.0, AUDIT.1)];
            Some(role.into_iter().find(|(role, _)| arguments.contains(role)).map_or("edge", |(_, kind)| kind))
        }
        _ => None,
    }
}

fn descends(mut pid: u32, all: &BTreeMap<u32, Seen>) -> bool {
    while let Some(seen) = all.get(&pid) {
        if seen.parent == process::id() {
            return true;
        }
        pid = seen.parent;
    }
    false
}

/// Resident memory of the product's processes: now and at its highest.
pub(crate) fn memory(stack: &Stack) -> String {
    let one = |name: &str, pid: i32| {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let megabytes = |field: &str| {
            let line = status.lines().find(|line| line.starts_with(field)).unwrap();
            line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
        };
        format!("{name} {} / {}", megabytes("VmRSS"), megabytes("VmHWM"))
    };
    format!("{}, {}", one("edge", stack.edges[0].pid()), one("worker", stack.workers[0].pid()))
}
