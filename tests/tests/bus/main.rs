//! The bus as others use it: what they may, what they are told, and what becomes of what they send.

mod advisories;
mod auditor;
mod dead;
mod dead_webhooks;
mod described;
mod discovery;
mod fetched;
mod intake;
mod permissions;
mod poison;
mod provision;
mod registrations;
mod token_server;
