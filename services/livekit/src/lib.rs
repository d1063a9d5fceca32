//! LiveKit as we use it: its access tokens, signed and checked, and its room service.

mod checking;
mod minting;
mod rooms;

pub use checking::{Claimed, ForeignClaims, ForeignGrant, Untimely, Verifier};
pub use minting::{Bearer, Minter, Stamp, fingerprint, grants_of};
pub use rooms::{NewRoom, RoomCallError, RoomService, SeenParticipant, SeenRoom};
