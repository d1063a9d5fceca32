//! What is measured: names, units, descriptions, and the buckets of what is counted by size.

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram, gauge};

pub(super) const BUILD: &str = "avanzacast_build_info";
pub(super) const HTTP_REQUESTS: &str = "avanzacast_http_requests_total";
pub(super) const HTTP_SECONDS: &str = "avanzacast_http_request_duration_seconds";
pub(super) const CALLS_IN_FLIGHT: &str = "avanzacast_calls_in_flight";
pub(super) const CALL_REPEATS: &str = "avanzacast_call_repeats_total";
pub(super) const CACHE_READS: &str = "avanzacast_cache_reads_total";
pub(super) const BATCH_SIZE: &str = "avanzacast_batch_size_commands";
pub(super) const BATCH_SECONDS: &str = "avanzacast_batch_duration_seconds";
pub(super) const WAITING: &str = "avanzacast_waiting_messages";
pub(super) const REDELIVERIES: &str = "avanzacast_stream_redeliveries_total";
pub(super) const DEAD_LETTERS: &str = "avanzacast_dead_letters_total";
pub(super) const GIVEN_UP: &str = "avanzacast_messages_given_up_total";
pub(super) const TERMINATED: &str = "avanzacast_messages_terminated_total";
pub(super) const EXPIRED: &str = "avanzacast_sessions_expired_total";
pub(super) const LEDGER: &str = "avanzacast_ledger_events";
pub(super) const LEDGER_SOUND: &str = "avanzacast_ledger_sound";
pub(super) const RELAY_LAG: &str = "avanzacast_relay_lag_events";
pub(super) const BUS_UP: &str = "avanzacast_bus_up";
pub(super) const DATABASE_UP: &str = "avanzacast_database_up";

/// The edges of the buckets, each inclusive.
pub(super) const BUCKETS: &[(&str, &[f64])] = &[
    // A look at the cache takes about 1 ms, a commit 2 to 50 under load; a copy is sent again every 0.75 s,
    // and 5 s is the deadline, so what is beyond it waited elsewhere.
    (HTTP_SECONDS, &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 4.0, 5.0]),
    // Batches form by load, from 1 to 256: each doubling is a different load.
    (BATCH_SIZE, &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0]),
    // Two round trips and a sync to disk: 1 ms at the very best, 2 to 10 mostly. A lock is waited for 2 s, a
    // statement is given 4, a connection 5.
    (BATCH_SECONDS, &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 5.0]),
];

/// Tells the recorder what each is.
pub(super) fn describe() {
    describe_edge();
    describe_worker();
    super::reactor::describe();
    super::room::describe();
    super::audit::describe();
    describe_gauge!(BUILD, Unit::Count, "1, with the version of this program.");
    gauge!(BUILD, "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    describe_gauge!(BUS_UP, Unit::Count, "Whether this bus user is connected at the moment: 1 or 0.");
}

fn describe_edge() {
    describe_counter!(
        HTTP_REQUESTS,
        Unit::Count,
        "Requests answered, by route (the pattern, never the path; empty when there is none), method and status."
    );
    describe_histogram!(
        HTTP_SECONDS,
        Unit::Seconds,
        "Time from a request's head to its answer's, by route and method."
    );
    describe_gauge!(
        CALLS_IN_FLIGHT,
        Unit::Count,
        "Calls over the bus that wait for their answer, reads of the cache among them; at most 8192."
    );
    describe_counter!(CALL_REPEATS, Unit::Count, "Copies of a command or query sent after the first.");
    describe_counter!(
        CACHE_READS,
        Unit::Count,
        "Reads of the session cache: hit, or miss (nothing there, late, or failed: a worker is asked)."
    );
}

fn describe_worker() {
    describe_histogram!(BATCH_SIZE, Unit::Count, "Commands (or queries) taken together, by service and kind.");
    describe_histogram!(BATCH_SECONDS, Unit::Seconds, "Time from taking a batch to its commit, by service and kind.");
    describe_gauge!(
        WAITING,
        Unit::Count,
        "Messages that waited in this worker when it last began or ended a batch, by service and kind; at most 8192."
    );
    describe_counter!(REDELIVERIES, Unit::Count, "Messages that a stream had delivered before, by stream.");
    describe_counter!(DEAD_LETTERS, Unit::Count, "Messages that can never work and were put into DEAD.");
    describe_counter!(
        GIVEN_UP,
        Unit::Count,
        "Messages that a stream delivers no more, by stream and consumer: they were tried too often, and still lie there."
    );
    describe_counter!(
        TERMINATED,
        Unit::Count,
        "Messages that a worker ended unapplied, by stream and consumer: each should be among the dead letters."
    );
    describe_counter!(EXPIRED, Unit::Count, "Sessions that this worker's sweep ended because their time was over.");
    describe_gauge!(LEDGER, Unit::Count, "Events in the ledger, as this worker last saw it (every second).");
    describe_gauge!(
        LEDGER_SOUND,
        Unit::Count,
        "1: ledger and EVENTS agree. 0: they do not (ledger_behind, ledger_foreign) and commands are refused."
    );
    describe_gauge!(RELAY_LAG, Unit::Count, "Events of the ledger that are not in EVENTS yet.");
    describe_gauge!(DATABASE_UP, Unit::Count, "Whether the database answered this worker's last look: 1 or 0.");
}
