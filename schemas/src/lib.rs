//! The contract, and nothing else: commands, replies, events, refusals, and the names of everything on the bus.

pub mod bus;
