//! Sessions and tokens: pure decisions, one store, the minting.

mod cached;
mod checking;
mod commands;
pub mod health;
mod minting;
mod queries;
mod rules;
mod service;
mod state;
mod statements;
mod store;
#[cfg(test)]
mod tests;

pub use checking::Verifier;
pub use commands::Command;
pub use minting::{Bearer, Minter, Stamp};
pub use queries::Query;
pub use rules::Rules;
pub use service::SessionService;
