//! Handles of what the bus and the workers measure.

use std::{
    sync::LazyLock,
    time::{Duration, Instant},
};

use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};

use super::described::{
    BATCH_SECONDS, BATCH_SIZE, BUS_UP, CACHE_READS, CALL_REPEATS, CALLS_IN_FLIGHT, DATABASE_UP, DEAD_LETTERS, EXPIRED,
    GIVEN_UP, LEDGER, LEDGER_SOUND, REDELIVERIES, RELAY_LAG, TERMINATED, WAITING,
};

/// What whoever asks over the bus measures.
#[derive(Debug)]
pub struct EdgeMeters {
    /// Calls that wait for their answer.
    pub in_flight: Gauge,
    /// Copies after the first.
    pub repeats: Counter,
    hits: Counter,
    misses: Counter,
}

impl EdgeMeters {
    /// Counts a read of the cache.
    pub fn cache_read(&self, hit: bool) {
        if hit { &self.hits } else { &self.misses }.increment(1);
    }
}

/// The handles; from the first call on, all of them are shown.
pub fn edge() -> &'static EdgeMeters {
    static METERS: LazyLock<EdgeMeters> = LazyLock::new(|| EdgeMeters {
        in_flight: gauge!(CALLS_IN_FLIGHT),
        repeats: counter!(CALL_REPEATS),
        hits: counter!(CACHE_READS, "result" => "hit"),
        misses: counter!(CACHE_READS, "result" => "miss"),
    });
    &METERS
}

/// What every worker measures.
#[derive(Debug)]
pub struct WorkerMeters {
    /// Messages put into DEAD.
    pub dead_letters: Counter,
    /// Sessions that the sweep ended.
    pub expired: Counter,
    /// 1 while the database answers, else 0.
    pub database_up: Gauge,
    events: Gauge,
    lag: Gauge,
    sound: Gauge,
}

impl WorkerMeters {
    /// Notes where the ledger and EVENTS end (`None`: there is no such stream), and whether they agree.
    pub fn ledger(&self, size: i64, events: Option<u64>, sound: bool) {
        let size = number(u64::try_from(size).unwrap_or_default());
        self.events.set(size);
        self.lag.set((size - number(events.unwrap_or_default())).max(0.0));
        self.sound.set(f64::from(u8::from(sound)));
    }
}

/// A count as Prometheus takes it: exact up to 2^53, which no ledger reaches.
fn number(count: u64) -> f64 {
    count as f64
}

/// The handles; from the first call on, all of them are shown.
pub fn worker() -> &'static WorkerMeters {
    static METERS: LazyLock<WorkerMeters> = LazyLock::new(|| WorkerMeters {
        dead_letters: counter!(DEAD_LETTERS),
        expired: counter!(EXPIRED),
        database_up: gauge!(DATABASE_UP),
        events: gauge!(LEDGER),
        lag: gauge!(RELAY_LAG),
        sound: gauge!(LEDGER_SOUND),
    });
    &METERS
}

impl WorkerMeters {
    /// Counts what a stream delivered for a second time or more often.
    pub fn redelivered(&self, stream: &'static str, messages: usize) {
        counter!(REDELIVERIES, "stream" => stream).increment(u64::try_from(messages).unwrap_or_default());
    }
}

/// Messages of a stream that one of its consumers will not see again.
#[derive(Debug)]
pub struct LostMeters {
    /// Delivered as often as the consumer may, and never settled.
    pub given_up: Counter,
    /// Ended by whoever had it.
    pub terminated: Counter,
}

/// The handles for one consumer; from the first call on, both are shown.
#[must_use]
pub fn lost(stream: &str, consumer: &str) -> LostMeters {
    let (stream, consumer) = (stream.to_owned(), consumer.to_owned());
    LostMeters {
        given_up: counter!(GIVEN_UP, "stream" => stream.clone(), "consumer" => consumer.clone()),
        terminated: counter!(TERMINATED, "stream" => stream, "consumer" => consumer),
    }
}

/// Notes whether a user of the bus is connected.
pub fn bus_up(user: &'static str, up: bool) {
    gauge!(BUS_UP, "user" => user).set(f64::from(u8::from(up)));
}

/// One queue of a worker, whose messages are taken in batches.
#[derive(Debug)]
pub struct QueueMeter {
    waiting: Gauge,
    size: Histogram,
    time: Histogram,
}

impl QueueMeter {
    /// Of a service (its name on the bus), for `commands` or `queries`.
    #[must_use]
    pub fn new(service: &'static str, kind: &'static str) -> Self {
        Self {
            waiting: gauge!(WAITING, "service" => service, "kind" => kind),
            size: histogram!(BATCH_SIZE, "service" => service, "kind" => kind),
            time: histogram!(BATCH_SECONDS, "service" => service, "kind" => kind),
        }
    }

    /// A batch of `size` messages was taken, and `waiting` are left.
    #[must_use]
    pub fn taken(&self, size: usize, waiting: usize) -> BatchMeter<'_> {
        self.waiting.set(number(u64::try_from(size.saturating_add(waiting)).unwrap_or_default()));
        self.size.record(number(u64::try_from(size).unwrap_or_default()));
        BatchMeter { queue: self, start: Instant::now() }
    }
}

/// A batch under way.
#[derive(Debug)]
pub struct BatchMeter<'a> {
    queue: &'a QueueMeter,
    start: Instant,
}

impl BatchMeter<'_> {
    /// It is through, and `waiting` messages have come meanwhile.
    pub fn done(self, waiting: usize) {
        let elapsed: Duration = self.start.elapsed();
        self.queue.time.record(elapsed);
        self.queue.waiting.set(number(u64::try_from(waiting).unwrap_or_default()));
    }
}
