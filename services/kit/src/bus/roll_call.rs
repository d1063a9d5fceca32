//! Who is there: NATS services answer `$SRV.PING`, each process for itself (NATS ADR-32).

use std::time::Duration;

use futures::StreamExt;
use serde::Deserialize;
use tokio::time::{Instant, timeout_at};

use super::Bus;

/// The question that every service answers.
const PING: &str = "$SRV.PING";
/// More processes than anybody runs.
const MOST: usize = 256;

/// What answered: of each name and version one, however many there are. (A process answers several times, once for each
/// part of it.)
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub struct Present {
    /// What it is: the name of its queue group.
    pub name: String,
    /// Of our program.
    pub version: String,
}

impl Bus {
    /// Asks who is there, and listens for so long. Nobody is there when the bus is away.
    pub async fn roll_call(&self, patience: Duration) -> Vec<Present> {
        let (deadline, inbox) = (Instant::now() + patience, self.client().new_inbox());
        let Ok(mut answers) = self.client().subscribe(inbox.clone()).await else { return Vec::new() };
        if self.client().publish_with_reply(PING, inbox, "".into()).await.is_err() {
            return Vec::new();
        }
        let mut present: Vec<Present> = Vec::new();
        while let Ok(Some(answer)) = timeout_at(deadline, answers.next()).await {
            if let Ok(found) = serde_json::from_slice::<Present>(&answer.payload)
                && !present.contains(&found)
            {
                present.push(found);
            }
            if present.len() == MOST {
                break;
            }
        }
        present.sort();
        present
    }
}
