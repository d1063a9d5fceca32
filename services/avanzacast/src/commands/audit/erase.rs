//! `avanzacast audit erase`.

use avanzacast_kit::{
    bus::{Caller, DEADLINE, Reply, Request, Unanswered},
    lifecycle::Lifecycle,
    telemetry::TraceContext,
};
use avanzacast_schemas::{
    Actor, ActorKind, Code, ErasePerson, Erased, ParticipantId, Whom,
    bus::{BusUser, subject},
    command_id,
};
use clap::{ArgGroup, Args};
use serde::Deserialize;
use serde_json::json;

use super::{Failure, operator, replay::participant};

/// Forgets what somebody was called, and takes back what of theirs still lets anybody in.
///
/// It asks the session worker, as the bus user `admin` (NATS_URL, NATS_ADMIN_PASSWORD; beside a running `avanzacast up` it
/// finds both by itself). The record keeps its hashes and stays valid. Again is nothing new.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("whom").required(true).args(["session", "user"])))]
pub(super) struct Erase {
    /// Whom a session lets in, by its id or by its participant `p_…`
    #[arg(long, value_name = "ID", value_parser = participant)]
    session: Option<ParticipantId>,
    /// A user, and whom the sessions let in that this user registered
    #[arg(long, value_name = "N")]
    user: Option<i64>,
    /// Why, in at most 256 bytes. It stands in the record for good, so it must name nobody
    #[arg(long)]
    reason: String,
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// What a refusal says.
#[derive(Deserialize)]
struct Said {
    detail: String,
}

impl Erase {
    /// Answers whether there was anybody.
    pub(super) async fn run(self) -> Result<bool, Failure> {
        let Self { session, user, reason, json } = self;
        let whom = session.map(Whom::Participant).or(user.map(Whom::User));
        let whom = whom.ok_or_else(|| operator::Usage("--session or --user says whom".to_owned()))?;
        let command = ErasePerson { whom, reason };
        let bus = operator::visit(operator::variables(), BusUser::Admin, "audit erase").await?;
        let caller = Caller::start(bus.clone(), &Lifecycle::new()).await?;
        let done = all(&caller, &command).await;
        bus.close().await;
        let Some(total) = done? else { return Ok(false) };
        operator::write(&if json { object(&total) } else { sentence(&total) })?;
        Ok(true)
    }
}

/// Erases until nothing is left; `None` when there is nobody to erase.
async fn all(caller: &Caller, command: &ErasePerson) -> Result<Option<Erased>, Failure> {
    let mut total = Erased { revoked: 0, values: 0, more: true };
    while total.more {
        let reply = ask(caller, command).await?;
        match Code::from_reply(reply.status, reply.code.as_deref().unwrap_or_default()) {
            None if reply.status == 200 => {
                let part: Erased = serde_json::from_slice(&reply.body)?;
                total.revoked = total.revoked.saturating_add(part.revoked);
                total.values = total.values.saturating_add(part.values);
                total.more = part.more;
            }
            Some(Code::SessionNotFound | Code::UserNotFound) => {
                operator::say("avanzacast: nothing is known of them here");
                return Ok(None);
            }
            Some(Code::Malformed) => return Err(operator::Usage(detail(&reply)).into()),
            Some(_) | None => return Err(detail(&reply).into()),
        }
    }
    Ok(Some(total))
}

async fn ask(caller: &Caller, command: &ErasePerson) -> Result<Reply, Failure> {
    let request = Request {
        subject: subject::SESSION_ERASE,
        command_id: command_id::fresh(),
        actor: &Actor::of(ActorKind::Operator),
        trace: TraceContext::generate(),
        body: serde_json::to_vec(command)?.into(),
        patience: DEADLINE,
    };
    caller.call(&request).await.map_err(|unanswered| match unanswered {
        Unanswered::NotApplied(code) => format!("nothing was erased by this: {}", code.title()).into(),
        Unanswered::Unknown => "no answer in time: it may be done; to do it again does no harm".into(),
    })
}

fn detail(reply: &Reply) -> String {
    let said = serde_json::from_slice::<Said>(&reply.body).map(|said| operator::plain(&said.detail));
    said.unwrap_or_else(|_| format!("the session worker answers {}", reply.status))
}

fn object(erased: &Erased) -> String {
    format!("{}\n", json!({"revoked": erased.revoked, "values": erased.values}))
}

fn sentence(erased: &Erased) -> String {
    let Erased { revoked, values, .. } = erased;
    format!("values erased: {values}; sessions revoked: {revoked}\n")
}
