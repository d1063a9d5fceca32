//! One file per command: what it decides, and how its answer is built.

pub(crate) mod create_broadcast;
pub(crate) mod create_user;
pub(crate) mod end_broadcast;
pub(crate) mod start_broadcast;

use avanzacast_schemas::{
    Actor, Broadcast, BroadcastStatus, Code, CreateBroadcast, CreateUser, EndBroadcast, Refusal, StartBroadcast,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::state::Studio;

/// Any command of this service, with who asked.
#[derive(Debug)]
pub enum Command {
    /// `cmd.user.create`
    CreateUser(CreateUser, Actor),
    /// `cmd.broadcast.create`
    CreateBroadcast(CreateBroadcast, Actor),
    /// `cmd.broadcast.start`
    Start(StartBroadcast, Actor),
    /// `cmd.broadcast.end`
    End(EndBroadcast, Actor),
}

/// What the inbox keeps of a start or an end: what it made of the broadcast, whatever has become of it since.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Changed {
    status: BroadcastStatus,
}

impl Changed {
    pub(crate) fn answer(self, studio: &Studio, id: Uuid) -> Result<Broadcast, Refusal> {
        let broadcast = studio.broadcast(id).ok_or(Code::BroadcastNotFound)?;
        Ok(Broadcast { status: self.status, ..broadcast.view() })
    }
}
