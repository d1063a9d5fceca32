//! What edges refused, noted in the ledger: a command like any other.

use std::borrow::Cow;

use avanzacast_kit::{
    bus::{Delivery, Reply},
    time,
};
use avanzacast_schemas::{
    Actor, ActorKind, Code, Event, NoteRefused, Refusal, RefusedCount, RequestsRefused,
    bus::{group, subject},
};
use avanzacast_worker::{
    Answer, Decision, Decoded, Find, Moment, Service,
    messages::{body, headers},
    store::{Change, Sql, StoreError},
};
use bytes::Bytes;
use ipnet::IpNet;
use serde_json::value::RawValue;

/// As many kinds as one message may tell of.
const KINDS: usize = 64;
/// No code is longer.
const CODE_BYTES: usize = 64;

/// The audit's commands.
#[derive(Debug, Default)]
pub struct AuditService;

impl Service for AuditService {
    type Command = NoteRefused;
    /// Those are answered elsewhere: they read more than rows.
    type Query = std::convert::Infallible;
    type State = ();

    const NAME: &'static str = group::AUDIT;
    const COMMANDS: &'static [&'static str] = &[subject::AUDIT_REFUSED];
    const QUERIES: &'static [&'static str] = &[];
    const ROWS: Sql =
        Sql { postgres: "SELECT '[]'::json WHERE $1::text[] IS NOT NULL", sqlite: "SELECT '[]' WHERE ?1 IS NOT NULL" };

    fn decode(&self, delivery: &Delivery) -> Result<Decoded<NoteRefused>, Refusal> {
        let (id, _) = headers(delivery)?;
        let command: NoteRefused = body(delivery)?;
        if command.refused.len() > KINDS || !command.refused.iter().all(is_sane) {
            return Err(Refusal::new(Code::Malformed, "at most 64 kinds, each with a code and a network"));
        }
        if time::parse_rfc3339(&command.from) > time::parse_rfc3339(&command.to) {
            return Err(Refusal::new(Code::Malformed, "it ends before it begins"));
        }
        Ok(Decoded { id, command })
    }

    fn keys<'a>(&self, _: &'a NoteRefused) -> Vec<Cow<'a, str>> {
        Vec::new()
    }

    fn load(&self, _: &str) -> Result<(), StoreError> {
        Ok(())
    }

    fn decide(&self, (): &mut (), command: &NoteRefused, _: &mut Moment<'_>) -> Decision {
        let NoteRefused { from, to, refused, more } = command.clone();
        let actor = Actor::of(ActorKind::Anonymous);
        let event = RequestsRefused { actor, from, to, refused, more };
        Decision::done(vec![Event::RequestsRefused(event)], &serde_json::Map::new())
    }

    fn answer(&self, (): &(), _: &NoteRefused, _: &RawValue, _: bool) -> Result<Answer, Refusal> {
        Ok(Answer { reply: Reply::done(204, Bytes::new()), cache: Vec::new() })
    }

    fn changes(&self, (): &()) -> Vec<Change> {
        Vec::new()
    }

    fn query(&self, _: &Delivery) -> Result<Self::Query, Refusal> {
        Err(Refusal::new(Code::Malformed, "no such query"))
    }

    fn find(&self, query: &Self::Query) -> Find {
        match *query {}
    }

    fn look(&self, (): &(), query: &Self::Query, _: i64) -> Result<Answer, Refusal> {
        match *query {}
    }

    fn page(&self, _: &str, query: &Self::Query, _: i64) -> Result<Answer, Refusal> {
        match *query {}
    }
}

fn is_sane(counted: &RefusedCount) -> bool {
    let word = (1..=CODE_BYTES).contains(&counted.code.len())
        && counted.code.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    word && counted.network.parse::<IpNet>().is_ok() && counted.count > 0
}
