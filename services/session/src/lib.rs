//! Sessions and tokens: pure decisions, one store, the minting.

mod cached;
mod commands;
pub mod health;
mod minting;
mod person;
mod rules;
mod service;
mod state;
mod store;
#[cfg(test)]
mod tests;

pub use commands::Command;
pub use minting::{Bearer, Minter, Stamp};
pub use rules::Rules;
pub use service::SessionService;
