//! Decisions, without a database and without LiveKit.

mod presence;
mod reactions;
