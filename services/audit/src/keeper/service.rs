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
/// How much of an address is kept for good, at most: less than whose it is.
const V4_BITS: u8 = 24;
const V6_BITS: u8 = 48;

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
        check(&command)?;
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

/// It stands in the ledger for good, so nothing is taken on trust.
fn check(command: &NoteRefused) -> Result<(), Refusal> {
    let NoteRefused { from, to, refused, .. } = command;
    if !(1..=KINDS).contains(&refused.len()) || !refused.iter().all(is_sane) {
        return Err(Refusal::new(Code::Malformed, "1 to 64 kinds, each with a code and a network"));
    }
    match (time::parse_rfc3339(from), time::parse_rfc3339(to)) {
        (Some(from), Some(to)) if from <= to => Ok(()),
        _ => Err(Refusal::new(Code::Malformed, "a time from a moment to a later one")),
    }
}

fn is_sane(counted: &RefusedCount) -> bool {
    let word = (1..=CODE_BYTES).contains(&counted.code.len())
        && counted.code.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    word && counted.network.parse::<IpNet>().is_ok_and(is_nobodys) && counted.count > 0
}

/// Whether a network is too large to say who it was, and called as networks are.
fn is_nobodys(network: IpNet) -> bool {
    let bits = if network.addr().is_ipv4() { V4_BITS } else { V6_BITS };
    network.prefix_len() <= bits && network == network.trunc()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(code: &str, network: &str, count: u64) -> RefusedCount {
        RefusedCount { code: code.to_owned(), network: network.to_owned(), count }
    }

    fn told(refused: Vec<RefusedCount>) -> NoteRefused {
        let time = |minute: u8| format!("2026-02-02T02:4{minute}:00Z");
        NoteRefused { from: time(0), to: time(1), refused, more: 7 }
    }

    #[test]
    fn what_edges_tell_is_taken() {
        let kinds =
            [("credential_invalid", "203.0.113.0/24"), ("rate_limited", "2001:db8:aaaa::/48"), ("x", "0.0.0.0/0")];
        let all = kinds.map(|(code, network)| counted(code, network, 1)).to_vec();
        assert_eq!(check(&told(all)), Ok(()));
        assert_eq!(check(&told(vec![counted("a", "203.0.113.0/24", 1); KINDS])), Ok(()));
    }

    #[test]
    fn what_would_say_too_much_or_nothing_is_not() {
        let good = || counted("a", "203.0.113.0/24", 1);
        let bad = [
            vec![],
            vec![good(); KINDS + 1],
            vec![good(), counted("", "203.0.113.0/24", 1)],
            vec![counted(&"a".repeat(CODE_BYTES + 1), "203.0.113.0/24", 1)],
            vec![counted("Ana, of 203.0.113.77", "203.0.113.0/24", 1)],
            vec![counted("a", "203.0.113.77/32", 1)],
            vec![counted("a", "203.0.113.77/24", 1)],
            vec![counted("a", "203.0.113.77", 1)],
            vec![counted("a", "2001:db8:aaaa:bbbb::/64", 1)],
            vec![counted("a", "203.0.113.0/24", 0)],
        ];
        for refused in bad {
            assert!(check(&told(refused.clone())).is_err(), "{refused:?}");
        }
        for (from, to) in [("", "2026-02-02T02:41:00Z"), ("2026-02-02T02:41:00Z", ""), ("", ""), ("b", "a")] {
            let command = NoteRefused { from: from.to_owned(), to: to.to_owned(), ..told(vec![good()]) };
            assert!(check(&command).is_err(), "{from} {to}");
        }
        let command = told(vec![good()]);
        assert!(check(&NoteRefused { from: command.to, to: command.from, ..told(vec![good()]) }).is_err());
    }
}
