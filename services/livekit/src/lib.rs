//! LiveKit as we use it: its access tokens, signed and checked, its room service, and the signature of its webhooks.

mod checking;
mod minting;
mod rooms;
mod webhook;

pub use checking::{Claimed, ForeignClaims, ForeignGrant, Untimely, Verifier, claimed_room};
pub use minting::{Bearer, Minter, Stamp, fingerprint, grants_of};
pub use rooms::{NewRoom, RoomCallError, RoomService, SeenParticipant, SeenRoom};
