//! The parts of the one binary that its tests use too.

pub mod nats_server;
