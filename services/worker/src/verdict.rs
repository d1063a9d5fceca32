//! What became of a message, as a value; and the one place that tells its sender or its stream.

use std::time::Duration;

use avanzacast_kit::bus::{DeadLetters, Delivery, Reply, Settlement};
use avanzacast_schemas::{Code, Refusal};

/// What processing a message came to.
#[derive(Debug, Clone)]
pub enum Verdict {
    /// Carried out, now or before.
    Done(Reply),
    /// Looked at and not carried out.
    Refused(Refusal),
    /// Not looked at, for this reason: the sender may send it elsewhere.
    NotApplied(Code),
    /// Nobody knows, or nobody wants to know any more: the next copy finds out.
    Silent,
    /// It can never work.
    Bury(String),
}

/// First and longest pause before a stream delivers a message again.
const AGAIN: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));

/// Tells the sender, or the stream.
pub async fn settle(delivery: &Delivery, verdict: Verdict, dead: &DeadLetters) {
    let settlement = match verdict {
        Verdict::Done(reply) => {
            delivery.reply(reply).await;
            Settlement::Ack
        }
        Verdict::Refused(refusal) => {
            if !delivery.wants_reply() {
                tracing::warn!(subject = delivery.subject, code = refusal.code.word(), "a message was refused");
            }
            delivery.reply(Reply::from(&refusal)).await;
            Settlement::Ack
        }
        Verdict::NotApplied(code) => {
            delivery.refuse(code).await;
            later(delivery)
        }
        Verdict::Silent => later(delivery),
        Verdict::Bury(reason) => {
            delivery.refuse(Code::Internal).await;
            if delivery.wants_reply() || dead.bury(delivery, &reason).await {
                tracing::error!(subject = delivery.subject, reason, "a message can never work");
                Settlement::Term
            } else {
                later(delivery)
            }
        }
    };
    delivery.settle(settlement).await;
}

fn later(delivery: &Delivery) -> Settlement {
    let doublings = u32::try_from(delivery.attempts().min(10)).unwrap_or(10);
    Settlement::Again(AGAIN.1.min(AGAIN.0 * 2_u32.saturating_pow(doublings.saturating_sub(1))))
}
