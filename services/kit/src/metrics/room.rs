//! What the room worker measures.

use std::sync::LazyLock;

use metrics::{Counter, Unit, counter, describe_counter};

const EVICTIONS: &str = "avanzacast_evictions_total";
const REFUSALS: &str = "avanzacast_livekit_refusals_total";
const REPAIRS: &str = "avanzacast_presence_repairs_total";

/// What the room worker measures.
#[derive(Debug)]
pub struct RoomMeters {
    /// People put out of a room because they were barred.
    pub evictions: Counter,
    /// Calls that LiveKit refused for good, and that were passed over.
    pub livekit_refusals: Counter,
    /// Beginnings and ends of rooms and stays that no webhook had told of.
    pub presence_repairs: Counter,
}

/// The handles; from the first call on, all of them are shown.
pub fn room() -> &'static RoomMeters {
    static METERS: LazyLock<RoomMeters> = LazyLock::new(|| RoomMeters {
        evictions: counter!(EVICTIONS),
        livekit_refusals: counter!(REFUSALS),
        presence_repairs: counter!(REPAIRS),
    });
    &METERS
}

/// Tells the recorder what each is.
pub(super) fn describe() {
    describe_counter!(EVICTIONS, Unit::Count, "People that this worker put out of a room because they were barred.");
    describe_counter!(REFUSALS, Unit::Count, "Calls that LiveKit refused for good; what they were for was not done.");
    describe_counter!(
        REPAIRS,
        Unit::Count,
        "Beginnings and ends of rooms and stays that were found by asking LiveKit, because no webhook had told of them."
    );
}
