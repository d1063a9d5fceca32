//! The contract, and nothing else: commands, replies, events, refusals, and the names of everything on the bus.
//!
//! A value that parsed is a value that may be used: [`RoomName`], [`Ttl`] and their like cannot hold a bad one, so
//! every check of shape happens here, once, for the edge, the workers and whoever else speaks JSON with us.

mod actor;
pub mod bus;
mod cache;
pub mod command_id;
mod event;
mod names;
mod refusal;
mod session;
mod token;

pub use actor::{Actor, ActorKind};
pub use cache::{CachedSession, CachedState};
pub use event::{Envelope, Event, SOURCE};
pub use names::{
    Identity, Invalid, ParticipantId, ResumeKey, Role, RoomName, SessionId, Ttl, Username, reserved_for_broadcasts,
};
pub use refusal::{Code, Refusal};
pub use session::{
    CheckStatus, ConsumeSession, CreateSession, GetSession, SessionConsumed, SessionCreated, SessionView, WorkerHealth,
};
pub use token::{
    Grants, RegisterToken, SessionConsumedEvent, SessionCreatedEvent, SessionExpiredEvent, TokenOrigin, TokenRefused,
    TokenRegistered, TokenReissued,
};
