//! The index, compared as sums: rows come in any order, and there are more of them than fit in memory.

use std::{
    collections::{BTreeMap, hash_map::RandomState},
    hash::BuildHasher,
};

use avanzacast_worker::store::{Look, Sql, StoreError};

/// Events whose index is compared as one sum.
const BUCKET: u64 = 4_096;

/// Kind, key and place in one text: columns cost more than bytes.
const INDEX: Sql = Sql {
    postgres: "SELECT seq || ' ' || kind || ' ' || key FROM ledger_index WHERE seq > $1",
    sqlite: "SELECT seq || ' ' || kind || ' ' || key FROM ledger_index WHERE seq > ?1",
};

/// Sums of rows, by [`BUCKET`]: the same for the same rows, in whatever order they come. Each row counts as a number that
/// nobody can foresee (`SipHash` with a key of this run), so nobody can make rows whose sum is that of others.
#[derive(Debug, Clone, Default)]
pub(super) struct Sums {
    key: RandomState,
    buckets: BTreeMap<u64, u128>,
}

impl Sums {
    /// Counts a row.
    pub(super) fn add(&mut self, kind: &str, key: &str, place: u64) {
        let row = u128::from(self.key.hash_one((kind, key, place)));
        // Twice the same is not none: sums wrap at 128 bits, far beyond what there are rows for.
        let sum = self.buckets.entry(place / BUCKET).or_default();
        *sum = sum.wrapping_add(row);
    }

    /// The first places, from one to another, whose rows are others.
    pub(super) fn differ_from(&self, other: &Self) -> Option<(u64, u64)> {
        let all = self.buckets.keys().chain(other.buckets.keys());
        let sum = |sums: &Self, bucket: &u64| sums.buckets.get(bucket).copied().unwrap_or_default();
        let first = all.filter(|bucket| sum(self, bucket) != sum(other, bucket)).min()?;
        Some((first * BUCKET, first * BUCKET + BUCKET - 1))
    }
}

/// Counts the rows about events after a place and up to another; `None` when one cannot be read.
pub(super) async fn count(mut look: Look, mut sums: Sums, after: u64, to: u64) -> Result<Option<Sums>, StoreError> {
    let mut readable = true;
    look.rows(INDEX, i64::try_from(after).unwrap_or(i64::MAX), |row| {
        match row.first().and_then(Option::as_deref).and_then(read) {
            // What is later was written since we began.
            Some((kind, key, place)) if place <= to => sums.add(kind, key, place),
            Some(_) => {}
            None => readable = false,
        }
        readable
    })
    .await?;
    Ok(readable.then_some(sums))
}

fn read(row: &str) -> Option<(&str, &str, u64)> {
    let (place, row) = row.split_once(' ')?;
    let (kind, key) = row.split_once(' ')?;
    Some((kind, key, place.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sums(of: &Sums, rows: &[(&str, &str, u64)]) -> Sums {
        let mut sums = Sums { key: of.key.clone(), ..Sums::default() };
        rows.iter().for_each(|(kind, key, place)| sums.add(kind, key, *place));
        sums
    }

    #[test]
    fn only_the_same_rows_are_the_same() {
        let rows = [("room", "demo", 1), ("room", "demo", 2), ("stay", "PA_x", 9_000), ("stay", "PA_y", 9_001)];
        let any = Sums::default();
        let all = sums(&any, &rows);
        let backwards: Vec<_> = rows.into_iter().rev().collect();
        assert_eq!(all.differ_from(&sums(&any, &backwards)), None);
        for (left_out, wrong) in [(0, (0, 4_095)), (1, (0, 4_095)), (2, (8_192, 12_287)), (3, (8_192, 12_287))] {
            let mut some = backwards.clone();
            some.remove(3 - left_out);
            assert_eq!(all.differ_from(&sums(&any, &some)), Some(wrong));
            assert_eq!(sums(&any, &some).differ_from(&all), Some(wrong));
            let twice = [&rows[..], &rows[left_out..=left_out]].concat();
            assert_eq!(all.differ_from(&sums(&any, &twice)), Some(wrong));
        }
        let moved = [("room", "dem", 1), ("room", "odemo", 2), rows[2], rows[3]];
        assert_eq!(all.differ_from(&sums(&any, &moved)), Some((0, 4_095)));
    }

    #[test]
    fn a_key_may_have_spaces() {
        assert_eq!(read("7 room big blue room"), Some(("room", "big blue room", 7)));
        assert_eq!((read("x room demo"), read("7 room"), read("")), (None, None, None));
    }
}
