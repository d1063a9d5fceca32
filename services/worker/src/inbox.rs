//! The inbox: what was decided about a command, so that the same command gets the same answer and nothing else
//! happens.

use std::collections::HashMap;

use avanzacast_schemas::{Code, Refusal, command_id};
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use crate::store::{Cell, Change, Kind, Op, StoreError, Table, unreadable};

/// Ids that the edge made for one HTTP request: it has given up long before.
const KEEP_REQUEST_MS: i64 = 10 * 60 * 1000;
/// Keys that a caller chose, and registrations from a stream.
const KEEP_KEY_MS: i64 = 24 * 60 * 60 * 1000;

static TABLE: Table = Table {
    name: "inbox",
    columns: &[("id", Kind::Text), ("fingerprint", Kind::Text), ("decision", Kind::Text), ("keep_until", Kind::Int)],
};

/// What was decided: a record from which the answer is built anew, or a refusal. Never a token or a key.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Decided {
    /// Carried out.
    Done(Box<RawValue>),
    /// Not carried out.
    Refused(Refusal),
}

/// What a command says, so that the same id with something else to say is noticed.
#[must_use]
pub fn fingerprint(subject: &str, payload: &[u8]) -> String {
    let digest = Sha256::new().chain_update(subject).chain_update([0]).chain_update(payload).finalize();
    HEXLOWER.encode(digest.get(..16).unwrap_or_default())
}

#[derive(Debug)]
struct Entry {
    fingerprint: String,
    decided: Decided,
    new: bool,
}

/// The decisions that a batch knows of: those it read, and those it has made.
#[derive(Debug, Default)]
pub struct Inbox(HashMap<String, Entry>);

impl Inbox {
    /// Reads what the database had.
    ///
    /// # Errors
    /// A row that is not ours.
    pub fn read(rows: &str) -> Result<Self, StoreError> {
        let rows: Vec<(String, String, String)> = serde_json::from_str(rows).map_err(unreadable)?;
        let mut entries = HashMap::with_capacity(rows.len());
        for (id, fingerprint, decision) in rows {
            let decided = serde_json::from_str(&decision).map_err(unreadable)?;
            entries.insert(id, Entry { fingerprint, decided, new: false });
        }
        Ok(Self(entries))
    }

    /// What was decided about a command, if it was: for the same id with another body, that it cannot be.
    #[must_use]
    pub fn recall(&self, id: &str, fingerprint: &str) -> Option<Decided> {
        let entry = self.0.get(id)?;
        if entry.fingerprint == fingerprint {
            Some(entry.decided.clone())
        } else {
            Some(Decided::Refused(Refusal::new(
                Code::IdempotencyKeyReused,
                "the idempotency key was used for a request with another body",
            )))
        }
    }

    /// Remembers a decision.
    pub fn remember(&mut self, id: String, fingerprint: String, decided: Decided) {
        self.0.insert(id, Entry { fingerprint, decided, new: true });
    }

    /// The rows to be written.
    ///
    /// # Errors
    /// A decision without JSON.
    pub fn change(&self, now: i64) -> Result<Option<Change>, StoreError> {
        let mut rows = Vec::new();
        for (id, entry) in self.0.iter().filter(|(_, entry)| entry.new) {
            let keep = if command_id::is_keyed(id) { KEEP_KEY_MS } else { KEEP_REQUEST_MS };
            let decision = serde_json::to_string(&entry.decided).map_err(unreadable)?;
            let row: Vec<Cell> =
                vec![id.clone().into(), entry.fingerprint.clone().into(), decision.into(), (now + keep).into()];
            rows.push(row);
        }
        Ok((!rows.is_empty()).then_some(Change { table: &TABLE, op: Op::Insert, rows }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_id_with_another_body_is_refused() {
        let mut inbox = Inbox::default();
        let done = Decided::Done(RawValue::from_string("{}".to_owned()).unwrap());
        inbox.remember("a".to_owned(), fingerprint("s", b"1"), done);
        assert!(matches!(inbox.recall("a", &fingerprint("s", b"1")), Some(Decided::Done(_))));
        for other in [fingerprint("s", b"2"), fingerprint("t", b"1")] {
            let recalled = inbox.recall("a", &other);
            assert!(matches!(recalled, Some(Decided::Refused(r)) if r.code == Code::IdempotencyKeyReused));
        }
        assert!(inbox.recall("b", "").is_none());
    }

    #[test]
    fn decisions_survive_the_database() {
        let done = Decided::Done(RawValue::from_string(r#"{"id":"x"}"#.to_owned()).unwrap());
        for decided in [done, Decided::Refused(Code::SessionExpired.into())] {
            let text = serde_json::to_string(&decided).unwrap();
            let back: Decided = serde_json::from_str(&text).unwrap();
            assert_eq!(serde_json::to_string(&back).unwrap(), text);
        }
    }
}
