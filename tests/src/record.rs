//! What a stack has on record, and how far those have come who follow it.

use async_nats::jetstream;
use serde_json::{Value, json};

use crate::{Stack, eventually, merkle};

impl Stack {
    /// Registers so many sessions, one after the other: an event each.
    ///
    /// # Panics
    /// When one is refused.
    pub async fn sessions(&self, count: usize) {
        let body = json!({"room": "demo", "username": "Ana"});
        for _ in 0..count {
            self.api().post("/api/session", &body).await.expect(201);
        }
    }

    /// How many events are signed: nothing before the first time.
    #[must_use]
    pub fn signed(&self) -> Option<usize> {
        self.query("SELECT max(size) FROM checkpoint").parse().ok()
    }

    /// Waits until so many events are signed.
    ///
    /// # Panics
    /// When that takes too long.
    pub async fn until_signed(&self, size: usize) {
        eventually("it is signed", async || self.signed() == Some(size)).await;
    }

    /// Waits until the index has all events.
    ///
    /// # Panics
    /// When that takes too long.
    pub async fn until_indexed(&self) {
        let behind = "SELECT (SELECT size FROM ledger_head) - (SELECT position FROM reactor WHERE name = 'audit')";
        eventually("all is indexed", async || self.query(behind) == "0").await;
    }

    /// Waits until every worker is done with so many events.
    ///
    /// # Panics
    /// When that takes too long.
    pub async fn until_followed(&self, place: usize) {
        let followed = "SELECT min(position) FROM reactor";
        eventually("all are done with them", async || {
            self.query(followed).parse::<usize>().is_ok_and(|at| at >= place)
        })
        .await;
    }

    /// Waits until EVENTS has all events.
    ///
    /// # Panics
    /// When that takes too long.
    pub async fn until_relayed(&self) {
        let jetstream = jetstream::new(self.admin().await);
        eventually("EVENTS is complete", async || {
            let events = jetstream.get_stream("EVENTS").await.unwrap();
            events.cached_info().state.last_sequence.to_string() == self.query("SELECT size FROM ledger_head")
        })
        .await;
    }

    /// Archives all that can be, once everybody is done with the first events, and answers what was said of it.
    ///
    /// # Panics
    /// When that takes too long, or nothing is archived.
    pub async fn archive(&self) -> Value {
        self.until_signed(self.query("SELECT size FROM ledger_head").parse().unwrap()).await;
        self.until_relayed().await;
        let followed = async || self.query("SELECT min(position) FROM reactor").parse::<usize>().unwrap();
        eventually("all are done with the first tile", async || followed().await >= 256).await;
        let archived = self.audited(&["archive", "--before", "2099-01-01T00:00:00Z", "--json"]);
        serde_json::from_str(&archived).unwrap()
    }

    /// Puts a ledger's head behind such lines, as somebody does who knows the format.
    pub fn put_head(&self, lines: &[String]) {
        let leaves: Vec<_> = lines.iter().map(merkle::leaf).collect();
        let roots = data_encoding::HEXLOWER.encode(&merkle::frontier(&leaves).concat());
        let roots = if self.is_sqlite() { format!("x'{roots}'") } else { format!("'\\x{roots}'::bytea") };
        self.query(&format!("UPDATE ledger_head SET size = {}, frontier = {roots}", lines.len()));
    }
}
