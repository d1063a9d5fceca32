//! What is asked about the ledger: where it stands, its checkpoint, its key, its tiles, proofs, its events and their counts.

use std::sync::Arc;

use avanzacast_kit::{
    bus::{Bus, Delivery, Reply, ServeError, Served, serve},
    lifecycle::Lifecycle,
};
use avanzacast_schemas::{
    AuditKey, Code, EventProof, GetProof, GetTile, ListEvents, Refusal,
    bus::{group, subject},
};
use avanzacast_worker::{
    messages::body,
    store::{Session, Store, StoreError},
};
use serde::Serialize;
use tokio::sync::mpsc;

use super::{
    counts, events,
    keys::{Keys, LogKeys, UnnamedError},
    ledger,
    who::Desk,
};
use crate::log::{self, Checkpoint, Inclusion, Tree, TreeError};

/// Questions that may wait: each takes some milliseconds.
const WAITING: usize = 1_024;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unanswered {
    #[error("the question was refused")]
    Refused(Refusal),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Tree(TreeError),
}

impl From<Refusal> for Unanswered {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Code> for Unanswered {
    fn from(code: Code) -> Self {
        Self::Refused(code.into())
    }
}

impl From<TreeError> for Unanswered {
    fn from(error: TreeError) -> Self {
        match error {
            TreeError::Store(error) => Self::Store(error),
            TreeError::Short(_) | TreeError::Damaged(_) | TreeError::Contradicts(_) => Self::Tree(error),
        }
    }
}

/// Answers for one process, one question after the other.
struct Answering {
    store: Store,
    keys: Arc<Keys>,
    session: Option<Session>,
}

/// Answers questions about the ledger.
///
/// # Errors
/// The bus is closed.
pub(super) async fn serve_answers(
    bus: &Bus,
    store: Store,
    keys: Arc<Keys>,
    life: &Lifecycle,
) -> Result<Served, ServeError> {
    let (questions, mut asked) = mpsc::channel::<Delivery>(WAITING);
    let desk = Desk::open(store.clone(), life);
    let mut answering = Answering { store, keys, session: None };
    life.essential("answering about the ledger", async move {
        while let Some(question) = asked.recv().await {
            if question.subject == subject::AUDIT_WHO {
                desk.take(question).await;
                continue;
            }
            let reply = answering.reply(&question).await;
            question.reply(reply).await;
        }
    });
    let subjects = [
        subject::AUDIT_CHECKPOINT,
        subject::AUDIT_KEY,
        subject::AUDIT_TILE,
        subject::AUDIT_PROOF,
        subject::AUDIT_EVENTS,
        subject::AUDIT_LEDGER,
        subject::AUDIT_COUNTS,
        subject::AUDIT_WHO,
    ];
    serve(bus, group::AUDIT, &subjects, questions, life).await
}

impl Answering {
    /// Over a connection that has died in the meantime, once more over a new one.
    async fn reply(&mut self, question: &Delivery) -> Reply {
        let mut answer = Err(Unanswered::from(Code::DatabaseUnavailable));
        for _ in 0..2 {
            let mut session = match self.session.take() {
                Some(session) => session,
                None => match self.store.connect().await {
                    Ok(session) => session,
                    Err(error) => {
                        answer = Err(error.into());
                        break;
                    }
                },
            };
            answer = self.answer(&mut session, question).await;
            match &answer {
                Err(Unanswered::Store(_)) => {}
                Ok(_) | Err(Unanswered::Refused(_) | Unanswered::Tree(_)) => {
                    self.session = Some(session);
                    break;
                }
            }
        }
        match answer {
            Ok(reply) => reply,
            Err(Unanswered::Refused(refusal)) => Reply::from(&refusal),
            Err(error) => {
                tracing::warn!(%error, source = std::error::Error::source(&error).map(tracing::field::display),
                    subject = question.subject, "a question about the ledger was not answered");
                Reply::from(&Refusal::from(match error {
                    Unanswered::Store(_) => Code::DatabaseUnavailable,
                    Unanswered::Tree(_) | Unanswered::Refused(_) => Code::Internal,
                }))
            }
        }
    }

    async fn answer(&self, session: &mut Session, question: &Delivery) -> Result<Reply, Unanswered> {
        match question.subject.as_str() {
            subject::AUDIT_CHECKPOINT => Ok(Reply::done(200, last(session).await?.0)),
            subject::AUDIT_KEY => self.key(session).await,
            subject::AUDIT_TILE => tile(session, body(question)?).await,
            subject::AUDIT_PROOF => proof(session, body(question)?).await,
            subject::AUDIT_LEDGER => {
                let keys = self.keys(session).await?;
                let vkey = keys.ring.public().into_iter().next().ok_or(Code::NotFound)?;
                json(&ledger::state(session, vkey.origin()).await?)
            }
            subject::AUDIT_COUNTS => json(&counts::page(session, &body(question)?).await?),
            _ => json(&events::page(session, body::<ListEvents>(question)?).await?),
        }
    }

    /// A log that cannot be signed has none; the log says why.
    async fn keys(&self, session: &mut Session) -> Result<Arc<LogKeys>, Unanswered> {
        self.keys.now(session).await.map_err(|error| match error {
            UnnamedError::Store(error) => Unanswered::Store(error),
            UnnamedError::Earlier(_) | UnnamedError::Id(_) | UnnamedError::Keys(_) => Code::NotFound.into(),
        })
    }

    async fn key(&self, session: &mut Session) -> Result<Reply, Unanswered> {
        let public = self.keys(session).await?.ring.public();
        let (vkey, before) = public.split_first().ok_or(Code::NotFound)?;
        json(&AuditKey {
            origin: vkey.origin().to_string(),
            vkey: vkey.to_string(),
            before: before.iter().map(ToString::to_string).collect(),
        })
    }
}

fn json(answer: &impl Serialize) -> Result<Reply, Unanswered> {
    Ok(Reply::done(200, serde_json::to_vec(answer).map_err(|_| Code::Internal)?))
}

/// The signed note, and what it says.
async fn last(session: &mut Session) -> Result<(String, Checkpoint), Unanswered> {
    let log::Signed { note, .. } = log::newest(session).await?.ok_or(Code::NotFound)?;
    let checkpoint = Checkpoint::unverified(&note).map_err(|_| Code::Internal)?;
    Ok((note, checkpoint))
}

/// Of the log as it was signed last: what is not signed is not served.
async fn tile(session: &mut Session, asked: GetTile) -> Result<Reply, Unanswered> {
    let tile = asked.path.parse().map_err(|_| Code::NotFound)?;
    let (_, checkpoint) = last(session).await?;
    let hashes = Tree::new(session).tile(tile, checkpoint.size).await?.ok_or(Code::NotFound)?;
    Ok(Reply::done(200, hashes.concat()))
}

async fn proof(session: &mut Session, asked: GetProof) -> Result<Reply, Unanswered> {
    let (note, checkpoint) = last(session).await?;
    if !(1..=checkpoint.size).contains(&asked.seq) {
        return Err(Code::NotFound.into());
    }
    let place = i64::try_from(asked.seq).unwrap_or(i64::MAX);
    let found = session.events(place - 1, 1).await?.into_iter().find(|(seq, _)| *seq == place);
    let event = found.map(|(_, body)| body);
    let bytes = event.as_ref().map(String::as_bytes);
    let hashes = Tree::new(session).prove_inclusion(asked.seq, bytes, &checkpoint).await?;
    let proof = Inclusion { seq: asked.seq, hashes, checkpoint: note }.text();
    json(&EventProof { seq: asked.seq, event, proof })
}
