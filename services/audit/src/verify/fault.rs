//! What is wrong with a record, and where.

use super::Root;

/// The first thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A line is not what every line is.
    #[error("line {number}: {why}")]
    NoEvent {
        /// Which one.
        number: u64,
        /// Why.
        why: &'static str,
    },
    /// A line is missing, doubled or moved.
    #[error("line {number}: event {expected} should stand here, and event {found} does")]
    Place {
        /// Which one.
        number: u64,
        /// What should stand there.
        expected: u64,
        /// What does.
        found: u64,
    },
    /// A line is another than elsewhere.
    #[error("line {number}: event {place} is not the one that is there in the record it is compared with")]
    Differs {
        /// Which one.
        number: u64,
        /// Its place.
        place: u64,
    },
    /// It goes further than what it is compared with.
    #[error("line {number}: the record it is compared with has no event {place}")]
    Beyond {
        /// Which one.
        number: u64,
        /// Its place.
        place: u64,
    },
    /// It hashes to another root than it should.
    #[error("at size {size} the root is {found}, and should be {wanted}: one of these events is not what it was")]
    Root {
        /// At which size.
        size: u64,
        /// What it should be.
        wanted: Root,
        /// What it is.
        found: Root,
    },
    /// It does not go as far as it should.
    #[error("it goes from event {first} to {last}, and should go from 1 to {size} at least")]
    Short {
        /// How far it should.
        size: u64,
        /// Its first.
        first: u64,
        /// Its last.
        last: u64,
    },
    /// There are more or fewer lines than the ledger's head says.
    #[error("there are {lines} lines, and the ledger's head says {head}")]
    Size {
        /// What it says.
        head: u64,
        /// What there is.
        lines: u64,
    },
    /// The ledger's head is damaged.
    #[error("the ledger's head does not fit its own size of {size}")]
    Head {
        /// What it says.
        size: u64,
    },
    /// The ledger has other events than were signed.
    #[error(
        "at size {size} the root is {found}, and {wanted} was signed ({whom}): one of these events is not what it was"
    )]
    Signed {
        /// At which size.
        size: u64,
        /// What was signed.
        wanted: Root,
        /// What it is.
        found: Root,
        /// Where that stands.
        whom: String,
    },
    /// More was signed than is there.
    #[error(
        "it ends with event {last}, and {size} events were signed ({whom}): what followed is lost, or this is an old copy"
    )]
    Cut {
        /// How many were signed.
        size: u64,
        /// Its last.
        last: u64,
        /// Where that stands.
        whom: String,
    },
    /// An event is not the one that the tiles have the hash of.
    #[error("event {place} is not what it was when it was recorded, by the hash that was kept of it")]
    Changed {
        /// Its place.
        place: u64,
    },
    /// The ledger's table has more than its head says.
    #[error("event {place} stands after the ledger's end")]
    Stray {
        /// Its place.
        place: u64,
    },
    /// The ledger's beginning is not there, and no event says that it is archived.
    #[error("the ledger begins with event {first}, and no event says that what was before is archived: it was removed")]
    Removed {
        /// Its first event.
        first: u64,
    },
    /// A tile is not what is below it.
    #[error("tile {0} is not what the events come to")]
    Tile(String),
    /// The index has something else than the events say.
    #[error("the index is not what the events from {from} to {to} say: it can be made again")]
    Index {
        /// The first that it may be.
        from: u64,
        /// The last.
        to: u64,
    },
    /// The hashes that the head keeps are of other lines.
    #[error("an event from {from} to {to} is not what it was when it was recorded, by the ledger's head")]
    Among {
        /// The first that it may be.
        from: u64,
        /// The last.
        to: u64,
    },
}
