//! What whoever follows the ledger measures.

use metrics::{Unit, describe_gauge, gauge};

const WAITS: &str = "avanzacast_reactor_waits";
const POSITION: &str = "avanzacast_reactor_position_events";

/// Notes whether a reactor waits at an event, because what is outside is away.
pub fn reactor_waits(reactor: &'static str, waits: bool) {
    gauge!(WAITS, "reactor" => reactor).set(f64::from(u8::from(waits)));
}

/// Notes how many events a reactor is done with.
#[expect(clippy::cast_precision_loss, reason = "a gauge is a float; what it shows is exact up to 2^53")]
pub fn reactor_position(reactor: &'static str, position: i64) {
    gauge!(POSITION, "reactor" => reactor).set(position as f64);
}

/// Tells the recorder what each is.
pub(super) fn describe() {
    describe_gauge!(
        WAITS,
        Unit::Count,
        "1 while a reactor waits at an event, because what it acts on outside is away; else 0."
    );
    describe_gauge!(
        POSITION,
        Unit::Count,
        "Events that a reactor is done with, as this worker last wrote it; of several workers the largest counts."
    );
}
