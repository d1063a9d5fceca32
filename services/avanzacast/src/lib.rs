//! What the one binary is made of that its tests need too: what it brings along.

mod fetching;
pub mod livekit_client;
pub mod livekit_server;
pub mod nats_server;
mod private_server;
