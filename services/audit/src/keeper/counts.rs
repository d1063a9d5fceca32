//! How much happened in each hour: sums of what was counted while the ledger was followed.

use avanzacast_schemas::{CountEvents, EventCount, Moment, Page, Refusal, bad_cursor, cursor_of, place_of};
use avanzacast_worker::store::{Session, Sql, decode};
use serde::Deserialize;

use super::answers::Unanswered;

/// Rows that are added up for one page: some milliseconds. Each tells of events that were read together, so a busy hour has
/// thousands.
const ROWS: usize = 10_000;
/// Counts on a page: some 110 kB.
const COUNTS: usize = 1_500;
const HOUR_MS: i64 = 3_600_000;

/// The keys: hour, type and place after which to go on, and the hour at which to end. `{rows, counts}`: how many rows were
/// read, and `[hour, type, count, last place]` of each.
const COUNTED: Sql = Sql {
    postgres: "WITH w AS (SELECT hour, type, seq, count FROM ledger_count
            WHERE (hour, type, seq) > (($1::text[])[1]::bigint, ($1::text[])[2], ($1::text[])[3]::bigint)
                AND hour < ($1::text[])[4]::bigint ORDER BY hour, type, seq LIMIT 10000)
        SELECT json_build_object('rows', (SELECT count(*) FROM w), 'counts', (
            SELECT json_agg(json_build_array(hour, type, count, seq)) FROM (
                SELECT hour, type, sum(count)::bigint AS count, max(seq) AS seq FROM w
                GROUP BY hour, type ORDER BY hour, type LIMIT 1501) g))",
    sqlite: "WITH w AS MATERIALIZED (SELECT hour, type, seq, count FROM ledger_count
            WHERE (hour, type, seq) > (CAST(?1 ->> 0 AS INTEGER), ?1 ->> 1, CAST(?1 ->> 2 AS INTEGER))
                AND hour < CAST(?1 ->> 3 AS INTEGER) ORDER BY hour, type, seq LIMIT 10000)
        SELECT json_object('rows', (SELECT count(*) FROM w), 'counts', json((
            SELECT json_group_array(json_array(hour, type, count, seq)) FROM (
                SELECT hour, type, sum(count) AS count, max(seq) AS seq FROM w
                GROUP BY hour, type ORDER BY hour, type LIMIT 1501))))",
};

#[derive(Debug, Deserialize)]
struct Counted {
    rows: usize,
    counts: Option<Vec<(i64, String, u64, i64)>>,
}

/// A page, as much as fits.
pub(super) async fn page(session: &mut Session, asked: &CountEvents) -> Result<Page<EventCount>, Unanswered> {
    let (hour, kind, seq) = match &asked.cursor {
        None => (asked.from.0.div_euclid(HOUR_MS), String::new(), -1),
        Some(cursor) => place(cursor)?,
    };
    // The first hour that does not begin before the end.
    let end = asked.to.0.saturating_add(HOUR_MS - 1).div_euclid(HOUR_MS);
    let keys = [hour.to_string(), kind, seq.to_string(), end.to_string()];
    Ok(counted(decode(&session.select(COUNTED, &keys).await?.0)?))
}

fn counted(Counted { rows, counts }: Counted) -> Page<EventCount> {
    let mut counts = counts.unwrap_or_default();
    let more = rows >= ROWS || counts.len() > COUNTS;
    counts.truncate(COUNTS);
    let last = counts.last().filter(|_| more);
    let next = last.map(|(hour, kind, _, seq)| cursor_of(&format!("{hour}.{seq}.{kind}")));
    let count =
        |(hour, kind, count, _): (i64, String, u64, i64)| EventCount { hour: Moment(hour * HOUR_MS), kind, count };
    Page { items: counts.into_iter().map(count).collect(), next }
}

/// Hour, type and place at which a page ended.
fn place(cursor: &str) -> Result<(i64, String, i64), Refusal> {
    let place = place_of(cursor)?;
    let mut parts = place.splitn(3, '.');
    let mut next = || parts.next().ok_or_else(bad_cursor);
    let mut number = || next()?.parse().map_err(|_| bad_cursor());
    let (hour, seq) = (number()?, number()?);
    Ok((hour, next()?.to_owned(), seq))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(hour: i64, kind: &str) -> (i64, String, u64, i64) {
        (hour, kind.to_owned(), 3, 70)
    }

    #[test]
    fn a_page_ends_where_the_next_one_begins() {
        let all = counted(Counted { rows: 2, counts: Some(vec![row(1, "a.b"), row(2, "a.b")]) });
        assert_eq!((all.items.len(), all.next), (2, None));
        assert_eq!(all.items.first().unwrap().hour.to_string(), "1970-01-01T01:00:00.000Z");
        assert_eq!(counted(Counted { rows: 0, counts: None }), Page { items: vec![], next: None });
        let part = counted(Counted { rows: ROWS, counts: Some(vec![row(1, "a.b")]) });
        assert_eq!(place(&part.next.unwrap()).unwrap(), (1, "a.b".to_owned(), 70));
        let hours = (0..1_501).map(|hour| row(hour, "a.b")).collect();
        let full = counted(Counted { rows: 1_501, counts: Some(hours) });
        assert_eq!((full.items.len(), place(&full.next.unwrap()).unwrap().0), (COUNTS, 1_499));
    }

    #[test]
    fn a_cursor_is_one_of_ours() {
        for bad in ["", "1", "1.2", "a.1.b", "1.a.b"] {
            assert!(place(&cursor_of(bad)).is_err(), "{bad}");
        }
    }
}
