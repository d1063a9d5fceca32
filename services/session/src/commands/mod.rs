//! One file per command: what it decides, and how its answer is built.

pub(crate) mod consume;
pub(crate) mod create;
pub(crate) mod erase;
pub(crate) mod issue;
pub(crate) mod register;
pub(crate) mod revoke;

use avanzacast_schemas::{Actor, ConsumeSession, CreateSession, ErasePerson, IssueToken, RegisterToken, RevokeSession};

/// Any command of this service, with who asked.
#[derive(Debug)]
pub enum Command {
    /// `cmd.session.create`
    Create(CreateSession, Actor),
    /// `cmd.session.consume`
    Consume(ConsumeSession, Actor),
    /// `cmd.session.revoke`
    Revoke(RevokeSession, Actor),
    /// `cmd.session.erase`
    Erase(ErasePerson, Actor),
    /// `cmd.session.register`; or, by nobody that we know, `cmd.token.register`
    Register(RegisterToken, Option<Actor>),
    /// `cmd.token.issue`
    Issue(IssueToken, Actor),
}
