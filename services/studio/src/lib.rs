//! Users and broadcasts: pure decisions, one store.

mod commands;
mod person;
mod queries;
mod service;
mod state;
mod store;
#[cfg(test)]
mod tests;

pub use commands::Command;
pub use queries::Query;
pub use service::StudioService;
