//! Messages that can never work, for an operator's console: shown, delivered again, dropped.

use avanzacast_kit::{
    bus::{Bus, DeadError, DeadLetter, DeadStream, Delivery, Reply, ServeError, Served, serve, veil},
    lifecycle::Lifecycle,
};
use avanzacast_schemas::{
    Code, DeadMessage, DropDead, ListDead, RedriveDead, Refusal,
    bus::{group, subject},
    page_limit,
};
use avanzacast_worker::messages::body;
use tokio::sync::mpsc;

/// Questions that may wait: operators ask them, by hand.
const WAITING: usize = 64;

/// Answers what is asked about dead letters.
///
/// # Errors
/// The bus is closed.
pub async fn serve_dead(bus: &Bus, life: &Lifecycle) -> Result<Served, ServeError> {
    let (questions, mut asked) = mpsc::channel::<Delivery>(WAITING);
    let own = bus.clone();
    life.essential("minding dead letters", async move {
        while let Some(question) = asked.recv().await {
            let reply = answer(&own, &question).await.unwrap_or_else(|refusal| Reply::from(&refusal));
            question.reply(reply).await;
        }
    });
    let subjects = [subject::DEAD_LIST, subject::DEAD_REDRIVE, subject::DEAD_DROP];
    serve(bus, group::SESSION, &subjects, questions, life).await
}

async fn answer(bus: &Bus, question: &Delivery) -> Result<Reply, Refusal> {
    let dead = DeadStream::open(bus.clone()).await.map_err(refusal)?;
    match question.subject.as_str() {
        subject::DEAD_LIST => {
            let most = page_limit(body::<ListDead>(question)?.limit)?;
            let (letters, _) = dead.list(">", usize::try_from(most).unwrap_or_default()).await.map_err(refusal)?;
            let shown: Vec<DeadMessage> = letters.iter().map(shown).collect();
            let text = serde_json::to_vec(&shown).map_err(|_| Code::Internal)?;
            Ok(Reply::done(200, text))
        }
        subject::DEAD_REDRIVE => {
            let letter = dead.letter(body::<RedriveDead>(question)?.seq).await.map_err(refusal)?;
            dead.redrive(letter.ok_or(Code::DeadNotFound)?).await.map_err(refusal)?;
            Ok(Reply::done(204, ""))
        }
        _ => match dead.remove(body::<DropDead>(question)?.seq).await.map_err(refusal)? {
            true => Ok(Reply::done(204, "")),
            false => Err(Code::DeadNotFound.into()),
        },
    }
}

fn shown(letter: &DeadLetter) -> DeadMessage {
    DeadMessage {
        seq: letter.sequence,
        buried_at: letter.buried(),
        subject: letter.subject.clone(),
        attempts: letter.attempts,
        reason: veil::prose(&letter.reason),
    }
}

fn refusal(error: DeadError) -> Refusal {
    match error {
        DeadError::Nowhere(_) | DeadError::Cut(_) => Refusal::new(Code::DeadStays, error.to_string()),
        DeadError::Away(_) | DeadError::Refused { .. } => {
            tracing::warn!(%error, source = std::error::Error::source(&error).map(tracing::field::display),
                "a dead letter could not be minded");
            Code::BusUnavailable.into()
        }
    }
}
