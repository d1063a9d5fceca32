//! The room worker: keeps rooms in LiveKit as broadcasts and sessions ask for, and knows who is in them.
//!
//! Two halves. The *service* takes what LiveKit tells (webhooks, through a stream) and what we find when we ask it, and
//! writes events about rooms and stays. The *reactor* follows all events and calls LiveKit: rooms are made and ended,
//! people whose session was revoked are put out, whenever they come.

mod barring;
mod facts;
mod look;
mod reactions;
mod reactor;
mod reconcile;
mod rows;
mod service;
mod state;
mod statements;
#[cfg(test)]
mod tests;
mod webhook;

pub use reactor::RoomReactor;
pub use reconcile::Reconciler;
pub use service::RoomService;
