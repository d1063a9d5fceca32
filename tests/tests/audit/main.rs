//! What the record says, and how it is proved: replay, verify, checkpoints, tiles, rebuilding, erasing.

mod answers;
mod archiving;
mod checkpoints;
mod command;
mod console_questions;
mod deriving;
mod doors;
mod erase;
mod export;
mod ledger;
mod rebuild;
mod refused;
mod signing;
mod tampering;
mod verifying;
