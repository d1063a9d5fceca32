//! The edge over HTTP: who may ask, what is answered, and the feed of events.

mod access;
mod bad_input;
mod contract;
mod cors;
mod feed;
mod feed_readers;
mod feed_stack;
mod idempotency;
mod internal_request;
mod metrics;
mod openapi;
mod rate_limits;
mod token_doors;
mod tokens;
