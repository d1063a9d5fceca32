//! `GET /api/audit/counts`: how much happened in each hour.

use std::time::Duration;

use avanzacast_kit::config::Scope;
use avanzacast_schemas::{Code, CountEvents, EventCount, Page, Refusal, bus::subject};
use axum::{Extension, extract::State, response::Response};
use schemars::SchemaGenerator;

use crate::{
    Edge, Reach,
    access::Caller,
    ask::json,
    context::Context,
    moments::{Pairs, before, from_to, now, parameter},
    operation::{Access, Method, Operation, Parameter, Success},
    problem::Problem,
    query::Query,
    record::Asker,
};

const DAY: Duration = Duration::from_secs(86_400);
/// A leap year, for whoever draws one.
const LONGEST: Duration = Duration::from_secs(366 * 86_400);
/// Asked of the worker for one answer, each some milliseconds.
const PAGES: usize = 1_000;

const FROM: Parameter = parameter("from", "From the hour on in which this is; unset: a day before `to`");
const TO: Parameter = parameter("to", "Hours that begin before this; unset: now");

pub(crate) static OPERATION: Operation = Operation {
    id: "countEvents",
    method: Method::Get,
    path: "/api/audit/counts",
    group: "Audit",
    summary: "How much happened in each hour",
    about: "Events of each type, by the hour (UTC) in which they happened, in order of hour and type; hours and types of \
            which there were none are left out. It goes as far as the index does, which `/api/audit/ledger` says. At most \
            366 days.",
    access: Access::Secret(Scope::Audit),
    parameters: &[FROM, TO],
    body: None,
    answers: &[Success::json(200, "The counts", SchemaGenerator::subschema_for::<Vec<EventCount>>)],
    refusals: &[Code::AnswerTooLarge],
};

pub(crate) async fn handle(
    State(edge): State<Edge>,
    Extension(context): Extension<Context>,
    Extension(caller): Extension<Caller>,
    Query(pairs): Query<Pairs>,
) -> Result<Response, Problem> {
    let asked = asked(&pairs)?;
    let asker = Asker { actor: caller.actor, context };
    json(200, &edge.counts(&asker, asked).await?)
}

fn asked(pairs: &Pairs) -> Result<CountEvents, Problem> {
    let (from, to) = from_to(pairs)?;
    let to = to.unwrap_or_else(|| from.map_or_else(now, |from| from.max(now())));
    let from = from.unwrap_or_else(|| before(to, DAY));
    if from < before(to, LONGEST) {
        return Err(Problem::malformed("from and to must be at most 366 days apart"));
    }
    Ok(CountEvents { from, to, cursor: None })
}

impl Reach {
    /// All of them, whatever number of pages they are.
    async fn counts(&self, asker: &Asker, mut asked: CountEvents) -> Result<Vec<EventCount>, Problem> {
        let mut counts: Vec<EventCount> = Vec::new();
        for _ in 0..PAGES {
            let page = self.ask_the_record(asker, subject::AUDIT_COUNTS, &asked).await?;
            let page: Page<EventCount> = serde_json::from_slice(&page).map_err(|_| Code::Internal)?;
            page.items.into_iter().for_each(|part| add(&mut counts, part));
            match page.next {
                None => return Ok(counts),
                next => asked.cursor = next,
            }
        }
        Err(Refusal::new(Code::AnswerTooLarge, "so much happened that it takes too long to count: ask about a shorter time")
            .into())
    }
}

/// The parts of one count follow each other.
fn add(counts: &mut Vec<EventCount>, part: EventCount) {
    match counts.last_mut() {
        Some(last) if last.hour == part.hour && last.kind == part.kind => last.count += part.count,
        Some(_) | None => counts.push(part),
    }
}

#[cfg(test)]
mod tests {
    use avanzacast_schemas::Moment;

    use super::*;

    fn read(from: &str, to: &str) -> Option<CountEvents> {
        let pairs = [("from", from), ("to", to)].into_iter().filter(|(_, value)| !value.is_empty());
        asked(&pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()).ok()
    }

    #[test]
    fn a_year_and_no_more() {
        let year = read("2028-01-01T00:00:00Z", "2029-01-01T00:00:00Z").unwrap();
        assert_eq!(year.from.to_string(), "2028-01-01T00:00:00.000Z");
        assert_eq!(read("2028-01-01T00:00:00Z", "2029-01-01T00:00:00.001Z"), None);
        assert_eq!(read("2028-01-02T00:00:00Z", "2028-01-01T00:00:00Z"), None);
        assert_eq!(read("1999-01-01T00:00:00Z", ""), None, "until now is longer");
        let day = read("", "2028-01-02T00:00:00Z").unwrap();
        assert_eq!(day.from.to_string(), "2028-01-01T00:00:00.000Z");
        let coming = read("2999-01-01T00:00:00Z", "").unwrap();
        assert_eq!(coming.from, coming.to, "there is nothing yet");
    }

    #[test]
    fn parts_are_added_up() {
        let count = |hour, kind: &str, count| EventCount { hour: Moment(hour), kind: kind.to_owned(), count };
        let mut counts = Vec::new();
        [count(0, "a", 1), count(0, "a", 2), count(0, "b", 4), count(1, "b", 8)]
            .into_iter()
            .for_each(|part| add(&mut counts, part));
        assert_eq!(counts, [count(0, "a", 3), count(0, "b", 4), count(1, "b", 8)]);
    }
}
