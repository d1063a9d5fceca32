//! A session and its token at once: made, then looked at. Both are steps that anybody could take; a repetition of the
//! whole is the same session.

use avanzacast_schemas::{Code, CreateSession, SessionCreated, SessionView, bus::subject};

use crate::{Reach, access::Caller, ask::Ask, context::Context, problem::Problem};

/// What was made, and what it lets into.
pub(crate) struct Minted {
    pub(crate) created: SessionCreated,
    pub(crate) view: SessionView,
}

impl Reach {
    pub(crate) async fn mint(
        &self,
        id: String,
        command: &CreateSession,
        caller: &Caller,
        context: Context,
    ) -> Result<Minted, Problem> {
        let ask = Ask { subject: subject::SESSION_CREATE, id, actor: &caller.actor, context, command };
        let reply = self.ask(ask).await?;
        let created: SessionCreated = serde_json::from_slice(&reply.body).map_err(|_| Code::Internal)?;
        let body = self.look(created.id.clone(), caller, context).await?;
        let view = serde_json::from_slice(&body).map_err(|_| Code::Internal)?;
        Ok(Minted { created, view })
    }
}
