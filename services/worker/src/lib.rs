//! The consuming side, the same for every service: batches and their verdicts, the inbox, the ledger, the relay, the
//! sweep. What differs (commands, state, decisions) a service brings as a [`Service`].

mod batch;
mod conclude;
mod follow;
mod guard;
mod inbox;
pub mod ledger;
pub mod limits;
mod lookups;
pub mod messages;
pub mod person;
mod reactor;
mod relay;
mod retention;
mod run;
mod service;
pub mod store;
mod sweep;
mod verdict;

pub use follow::{Follow, Follower, NotNow, Step};
pub use guard::{Guard, Seen, Standing, look_once};
pub use inbox::Decided;
pub use reactor::{Reacting, Reactor, Recorded};
pub use run::{Own, Running, StartError, relay, retain, run, sweep};
pub use service::{Answer, CacheWrite, Decision, Decoded, Find, Moment, Service, Sweeps};
