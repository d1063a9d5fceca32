//! Sessions and tokens: pure decisions, one store.

mod cached;
mod commands;
pub mod dead;
pub mod health;
mod queries;
mod rules;
pub mod scrub;
mod service;
mod state;
mod statements;
mod store;
#[cfg(test)]
mod tests;
mod traces;
pub mod webhook;

pub use commands::Command;
pub use queries::Query;
pub use rules::Rules;
pub use service::SessionService;
