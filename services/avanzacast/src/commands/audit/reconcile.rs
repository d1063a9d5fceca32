//! `avanzacast audit reconcile`.

use std::path::{Path, PathBuf};

use avanzacast_audit::{
    log::{Origin, Vkey},
    rebuild::{Known, Loss, Missing, accept_loss, gaps_before, reconcile},
};
use avanzacast_kit::{
    bus::{Bus, EventsStream},
    config::Variables,
};
use avanzacast_schemas::bus::BusUser;
use avanzacast_worker::{
    Standing, look_once,
    store::{Head, Store},
};
use clap::Args;
use uuid::Uuid;

use super::{Failure, operator, there};
use crate::commands::{
    log_name,
    provision::{self, StreamSettings},
};

/// Bytes of a reason: it stands in the ledger for good.
const REASON_MAX: usize = 256;

/// For a database that lost rows (`doctor` says ledger_behind): appends the events that it lacks, as they are, and applies
/// them to state, erasures too. All of them are looked at before any is written; done again, it goes on where it was ended.
/// Workers may run, and go on by themselves afterwards. Sessions that were lost come back without their links.
#[derive(Debug, Args)]
pub(super) struct Reconcile {
    /// Where the events still are: `stream`, or a file as `audit replay` writes it
    #[arg(long, value_name = "stream|FILE", default_value = "stream")]
    from: String,
    /// A checkpoint that somebody kept: what it says must be so
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,
    /// The public key that signed it, as `audit key` printed it
    #[arg(long, requires = "checkpoint")]
    vkey: Option<Vkey>,
    /// Gives up what is lost: a new log begins, whose first event says so; EVENTS is made anew (save what it has first, by
    /// `audit replay`); the old log is kept in tables of its own
    #[arg(long, requires = "reason")]
    accept_loss: bool,
    /// Why; 1 to 256 bytes, without a name in it: it stands in the ledger for good
    #[arg(long, requires = "accept_loss")]
    reason: Option<String>,
    /// How the old log was called, where AUDIT_ORIGIN is set and no checkpoint says so
    #[arg(long, requires = "accept_loss")]
    origin: Option<Origin>,
}

impl Reconcile {
    pub(super) async fn run(self) -> Result<bool, Failure> {
        let mut variables = operator::variables();
        let store = Store::new(there(&mut variables)?);
        let file = self.checkpoint.as_deref().map(|path| self.read(path)).transpose()?;
        if self.accept_loss {
            return self.give_up(&store, file, variables).await;
        }
        let own = log_name::origin(&mut variables);
        variables.clone().finish()?;
        let mut look = store.look().await?;
        let (head, last) = (look.head().await?, Known::last(&mut look).await?);
        look.end().await;
        let called = match (&last, own) {
            (Some(last), _) => last.checkpoint.origin.clone(),
            (None, Some(own)) => own,
            (None, None) => Origin::of_ledger(&head.ledger_id)?,
        };
        is_of(file.as_ref(), &called)?;
        let known: Vec<Known> = file.into_iter().chain(last).collect();
        let bus = operator::visit(variables, BusUser::Audit, "audit").await;
        let missing = match self.from.as_str() {
            "stream" => Missing::Stream(Box::new(bus?)),
            "-" => return Err(usage("--from: standard input can be read only once; name a file")),
            file => Missing::File(PathBuf::from(file), bus.ok().map(Box::new)),
        };
        let done = reconcile(&store, &missing, &known).await?;
        let appended = done.to.saturating_sub(done.from);
        operator::write(&format!("appended {appended}\nsize {}\nroot {}\n", done.to.max(done.from), done.root))?;
        Ok(true)
    }

    fn read(&self, path: &Path) -> Result<Known, Failure> {
        let text = operator::read(path)?;
        if self.vkey.is_none() {
            operator::say("without --vkey nobody knows who signed the checkpoint; it is believed");
        }
        Ok(Known::read(&text, self.vkey.as_ref())?)
    }

    /// Starts a new log. What was begun and ended in between is brought to its end.
    async fn give_up(self, store: &Store, file: Option<Known>, mut variables: Variables) -> Result<bool, Failure> {
        let reason = self.reason.as_deref().unwrap_or_default();
        if reason.is_empty() || reason.len() > REASON_MAX || reason.chars().any(char::is_control) {
            return Err(usage("--reason: 1 to 256 bytes on one line"));
        }
        if self.checkpoint.is_some() && self.vkey.is_none() {
            return Err(usage("--vkey: a log is given up by a checkpoint only when it is known who signed that"));
        }
        let streams = StreamSettings::read(&mut variables);
        let own = log_name::origin(&mut variables);
        variables.clone().finish()?;
        let bus = operator::visit(variables, BusUser::Admin, "audit").await?;
        if begun(store, &bus).await? {
            operator::say("the new log was begun before; EVENTS is made anew for it");
        } else {
            let mut look = store.look().await?;
            let (head, last) = (look.head().await?, Known::last(&mut look).await?);
            look.end().await;
            let previous_origin = self.previous(last.as_ref(), file.as_ref(), own.as_ref(), &head)?;
            is_of(file.as_ref(), &previous_origin)?;
            if !lost(store, &bus, &head, file.as_ref()).await? {
                return Err("nothing is lost, as far as EVENTS and the checkpoint say".into());
            }
            let known = newest(file, last);
            let id = Uuid::new_v4();
            let origin = own.map_or_else(|| Origin::of_ledger(&id.to_string()), Ok)?;
            if origin == previous_origin {
                let text = format!(
                    "AUDIT_ORIGIN is still {origin}, the old log's: a new log needs another name, here \
                     and where the audit worker runs"
                );
                return Err(usage(&text));
            }
            accept_loss(
                store,
                id,
                Loss { previous_origin: previous_origin.as_str(), previous_checkpoint: known.as_ref(), reason },
            )
            .await?;
        }
        provision::make(store, &bus, streams, true).await?;
        operator::say(
            "an audit worker that is running with the old AUDIT_ORIGIN signs nothing until it is started with another",
        );
        let head = store.connect().await?.head().await?;
        operator::write(&format!("ledger {}\nsize {}\n", head.ledger_id, head.size))?;
        Ok(true)
    }

    /// How the log is called that is given up: as it was signed here, or as somebody says who knows it.
    fn previous(
        &self,
        last: Option<&Known>,
        file: Option<&Known>,
        own: Option<&Origin>,
        head: &Head,
    ) -> Result<Origin, Failure> {
        let named = last.map(|known| &known.checkpoint.origin);
        match (named, &self.origin, own, file) {
            (Some(named), Some(origin), _, _) if named != origin => {
                Err(usage(&format!("--origin: the last checkpoint names {named}")))
            }
            (Some(origin), _, _, _) | (None, Some(origin), _, _) => Ok(origin.clone()),
            (None, None, None, _) => Ok(Origin::of_ledger(&head.ledger_id)?),
            (None, None, Some(_), Some(file)) => Ok(file.checkpoint.origin.clone()),
            (None, None, Some(_), None) => Err(usage(
                "no checkpoint says how the old log was called: name it by --origin (AUDIT_ORIGIN as it was)",
            )),
        }
    }
}

/// A checkpoint of another log says nothing about this one, whatever numbers are in it.
fn is_of(checkpoint: Option<&Known>, called: &Origin) -> Result<(), Failure> {
    match checkpoint.map(|known| &known.checkpoint.origin).filter(|origin| *origin != called) {
        Some(other) => Err(format!("the checkpoint is of the log {other}, and this one is called {called}").into()),
        None => Ok(()),
    }
}

fn usage(text: &str) -> Failure {
    operator::Usage(text.to_owned()).into()
}

/// The one that names more events.
fn newest(file: Option<Known>, last: Option<Known>) -> Option<Known> {
    [file, last].into_iter().flatten().max_by_key(|known| known.checkpoint.size)
}

/// Whether the ledger took another's place, and EVENTS has not followed.
async fn begun(store: &Store, bus: &Bus) -> Result<bool, Failure> {
    let Some(gap) = gaps_before(store).await?.into_iter().next() else { return Ok(false) };
    let tail = EventsStream::new(bus.clone()).tail().await?;
    Ok(tail.is_none_or(|tail| tail.ledger_id == Some(gap.previous_ledger_id)))
}

/// Whether EVENTS, or a checkpoint, knows more than the ledger has, or has it otherwise.
async fn lost(store: &Store, bus: &Bus, head: &Head, known: Option<&Known>) -> Result<bool, Failure> {
    let mut session = store.connect().await?;
    if let Some(known) = known {
        let longer = known.checkpoint.size > u64::try_from(head.size).unwrap_or_default();
        if longer || known.contradicts(&mut session).await?.is_some() {
            return Ok(true);
        }
    }
    let seen = look_once(store, session, &EventsStream::new(bus.clone())).await;
    let seen = seen.ok_or("ledger and EVENTS cannot be compared: bus or database does not answer")?;
    Ok(match seen.standing {
        Standing::Behind => true,
        Standing::Sound => false,
        Standing::Foreign => return Err("ledger_foreign: EVENTS is a copy of another ledger".into()),
        Standing::Unknown => return Err("ledger and EVENTS cannot be compared".into()),
    })
}
