//! What the audit worker measures.

use metrics::{Unit, describe_gauge, gauge};

const REFUSES: &str = "avanzacast_audit_refuses";
const SIZE: &str = "avanzacast_checkpoint_size";
const SIGNED: &str = "avanzacast_checkpoint_timestamp_seconds";

/// Notes whether the audit worker refuses to sign.
pub fn audit_refuses(refuses: bool) {
    gauge!(REFUSES).set(f64::from(u8::from(refuses)));
}

/// Notes a checkpoint of so many events, signed at a moment (Unix milliseconds).
#[expect(clippy::cast_precision_loss, reason = "a gauge is a float; what it shows is exact up to 2^53")]
pub fn audit_checkpoint(size: u64, at: i64) {
    gauge!(SIZE).set(size as f64);
    gauge!(SIGNED).set(at as f64 / 1000.0);
}

/// Tells the recorder what each is.
pub(super) fn describe() {
    describe_gauge!(
        REFUSES,
        Unit::Count,
        "1 while this worker signs nothing, because the ledger is not the one that was signed before; else 0."
    );
    describe_gauge!(SIZE, Unit::Count, "Events in the ledger when this worker signed it last.");
    describe_gauge!(SIGNED, Unit::Seconds, "When this worker signed the ledger last: Unix time.");
}
