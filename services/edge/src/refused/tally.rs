//! Counts by kind: which refusal, to which network.

use std::{
    cmp::Reverse,
    collections::HashMap,
    net::{IpAddr, Ipv4Addr},
};

use avanzacast_kit::time;
use avanzacast_schemas::{NoteRefused, RefusedCount};
use ipnet::{IpNet, Ipv4Net};

/// How many kinds a report lists: what `cmd.audit.refused` takes.
const LISTED: usize = 64;
/// How many are told apart until then, so that those listed are the commonest and not the first; some 100 KiB at most.
const KINDS: usize = 1024;
/// How much of an address is kept for good: less than whose it is.
const V4_BITS: u8 = 24;
const V6_BITS: u8 = 48;

type Kind = (&'static str, IpNet);

/// Refusals of a time.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// When the first of them was, and the last: Unix milliseconds.
    between: Option<(i64, i64)>,
    kinds: HashMap<Kind, u64>,
    /// Of kinds beyond [`KINDS`].
    more: u64,
}

impl Tally {
    /// Counts one.
    pub(super) fn note(&mut self, code: &'static str, address: IpAddr, now: i64) {
        self.between = Some((self.between.map_or(now, |(first, _)| first), now));
        self.add((code, network(address)), 1);
    }

    fn add(&mut self, kind: Kind, count: u64) {
        if self.kinds.len() < KINDS || self.kinds.contains_key(&kind) {
            *self.kinds.entry(kind).or_default() += count;
        } else {
            self.more += count;
        }
    }

    /// All of it, if there is any, leaving nothing.
    pub(super) fn take(&mut self) -> Option<Self> {
        self.between.is_some().then(|| std::mem::take(self))
    }

    /// Puts back what was taken.
    pub(super) fn put_back(&mut self, other: Self) {
        self.between = match (self.between, other.between) {
            (Some((first, last)), Some((before, after))) => Some((first.min(before), last.max(after))),
            (one, another) => one.or(another),
        };
        self.more += other.more;
        other.kinds.into_iter().for_each(|(kind, count)| self.add(kind, count));
    }

    /// How many there are.
    pub(super) fn sum(&self) -> u64 {
        self.kinds.values().sum::<u64>() + self.more
    }

    /// As it is reported: the commonest by kind, the rest in one number. `now` if nothing was counted.
    pub(super) fn told(&self, now: i64) -> NoteRefused {
        let mut kinds: Vec<(&Kind, u64)> = self.kinds.iter().map(|(kind, count)| (kind, *count)).collect();
        kinds.sort_unstable_by_key(|(kind, count)| (Reverse(*count), **kind));
        let rest = kinds.split_off(kinds.len().min(LISTED));
        let (first, last) = self.between.unwrap_or((now, now));
        let tell = |((code, network), count): (&Kind, u64)| RefusedCount {
            code: (*code).to_owned(),
            network: network.to_string(),
            count,
        };
        NoteRefused {
            from: time::rfc3339(first),
            to: time::rfc3339(last),
            refused: kinds.into_iter().map(tell).collect(),
            more: self.more + rest.into_iter().map(|(_, count)| count).sum::<u64>(),
        }
    }
}

/// The network that an address is in.
fn network(address: IpAddr) -> IpNet {
    let address = address.to_canonical();
    let bits = if address.is_ipv4() { V4_BITS } else { V6_BITS };
    IpNet::new(address, bits).map_or(IpNet::V4(Ipv4Net::from(Ipv4Addr::UNSPECIFIED)), |network| network.trunc())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(number: u32) -> IpAddr {
        IpAddr::V4(Ipv4Addr::from_bits(number << 8))
    }

    fn sum(told: &NoteRefused) -> u64 {
        told.refused.iter().map(|kind| kind.count).sum::<u64>() + told.more
    }

    #[test]
    fn nobodys_own_address_is_kept() {
        for (text, expected) in [
            ("203.0.113.77", "203.0.113.0/24"),
            ("::ffff:203.0.113.77", "203.0.113.0/24"),
            ("2001:db8:aaaa:bbbb::1", "2001:db8:aaaa::/48"),
        ] {
            assert_eq!(network(text.parse().unwrap()).to_string(), expected);
        }
    }

    #[test]
    fn of_very_many_kinds_the_commonest_are_listed_and_none_is_lost() {
        let mut tally = Tally::default();
        for number in 0..5_000 {
            tally.note("credential_invalid", address(number), 1_000);
        }
        // It comes late in a flood of others, but among those told apart.
        for _ in 0..500 {
            tally.note("credential_invalid", address(1_000), 61_000);
        }
        let told = tally.told(0);
        assert_eq!((told.refused.len(), sum(&told)), (LISTED, 5_500));
        assert_eq!(told.refused[0].count, 501);
        assert!(tally.kinds.len() <= KINDS);
        assert_eq!((told.from.as_str(), told.to.as_str()), ("1970-01-01T00:00:01.000Z", "1970-01-01T00:01:01.000Z"));
    }

    #[test]
    fn what_could_not_be_told_is_told_with_the_next() {
        let mut tally = Tally::default();
        assert!(tally.take().is_none());
        tally.note("rate_limited", address(1), 1_000);
        let taken = tally.take().unwrap();
        assert!(tally.take().is_none());
        tally.note("rate_limited", address(1), 5_000);
        tally.note("token_invalid", address(1), 5_000);
        tally.put_back(taken);
        let told = tally.told(0);
        let counts: Vec<(&str, u64)> = told.refused.iter().map(|kind| (kind.code.as_str(), kind.count)).collect();
        assert_eq!(counts, [("rate_limited", 2), ("token_invalid", 1)]);
        assert_eq!(told.from, "1970-01-01T00:00:01.000Z");
    }
}
