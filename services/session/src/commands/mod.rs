//! One file per command: what it decides, and how its answer is built.

pub(crate) mod consume;
pub(crate) mod create;
pub(crate) mod register;

use avanzacast_schemas::{Actor, ConsumeSession, CreateSession, RegisterToken};

/// Any command of this service, with who asked.
#[derive(Debug)]
pub enum Command {
    /// `cmd.session.create`
    Create(CreateSession, Actor),
    /// `cmd.session.consume`
    Consume(ConsumeSession, Actor),
    /// `cmd.token.register`
    Register(RegisterToken),
}
