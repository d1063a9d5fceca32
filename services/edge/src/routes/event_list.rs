//! `GET /api/audit/events`: events of a time, a page at a time.

use avanzacast_kit::config::Scope;
use avanzacast_schemas::{Code, EventsPage, ListEvents};
use axum::{Extension, extract::State, response::Response};
use schemars::{JsonSchema, SchemaGenerator};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use crate::{
    Edge, Reach,
    access::Caller,
    ask::json,
    context::Context,
    event_query::{AFTER, BROADCAST, ROOM, SESSION, TYPE, USER, asked},
    moments::{Pairs, from_to, parameter},
    operation::{Access, Method, Operation, Parameter, Success},
    problem::Problem,
    query::Query,
    record::Asker,
};

const FROM: Parameter = parameter("from", "What happened at this moment or later");
const TO: Parameter = parameter("to", "What happened before this moment");
/// Asked of the worker for one answer, while nothing is found: each looks at a thousand events.
const PAGES: usize = 20;

pub(crate) static OPERATION: Operation = Operation {
    id: "listEvents",
    method: Method::Get,
    path: "/api/audit/events",
    group: "Audit",
    summary: "Events of a time, a page at a time",
    about: "Events in the ledger's order, each as it was recorded, byte for byte. The next page is asked for with `after` \
            set to `through`, until `done`; a page may be empty and not the last. Filters are all to be met, `type` by any of \
            its values. What is before `first` is archived, and not found here.",
    access: Access::Secret(Scope::Audit),
    parameters: &[FROM, TO, AFTER, TYPE, SESSION, ROOM, BROADCAST, USER],
    body: None,
    answers: &[Success::json(200, "A page", SchemaGenerator::subschema_for::<EventList>)],
    refusals: &[],
};

/// A page of events.
#[derive(Debug, Serialize, JsonSchema)]
struct EventList {
    /// Events (CloudEvents 1.0), byte for byte.
    #[schemars(with = "Vec<serde_json::Map<String, serde_json::Value>>")]
    events: Vec<Box<RawValue>>,
    /// The last place that was looked at; go on after it.
    through: u64,
    /// Where the ledger ended.
    end: u64,
    /// The first place that the ledger still has.
    first: u64,
    /// There is nothing more, as things are now.
    done: bool,
}

pub(crate) async fn handle(
    State(edge): State<Edge>,
    Extension(context): Extension<Context>,
    Extension(caller): Extension<Caller>,
    Query(pairs): Query<Pairs>,
) -> Result<Response, Problem> {
    let (from, to) = from_to(&pairs)?;
    let (only, after) = asked(pairs)?;
    let asker = Asker { actor: caller.actor, context };
    let list = ListEvents { after: after.unwrap_or_default(), through: None, from, to, only };
    json(200, &edge.event_list(&asker, list).await?)
}

impl Reach {
    /// The next page that has something in it, or as far as was looked.
    async fn event_list(&self, asker: &Asker, mut list: ListEvents) -> Result<EventList, Problem> {
        let mut page = self.events(asker, &list).await?;
        // Where the time lies is known from here on.
        list = ListEvents { from: None, to: None, through: page.last, ..list };
        for _ in 1..PAGES {
            if !page.events.is_empty() || is_done(&page, list.through) {
                break;
            }
            list.after = page.through;
            page = self.events(asker, &list).await?;
        }
        let done = is_done(&page, list.through);
        let EventsPage { through, end, first, events, .. } = page;
        let events = events.into_iter().map(raw).collect::<Result<_, Problem>>()?;
        Ok(EventList { events, through, end, first, done })
    }
}

fn is_done(page: &EventsPage, last: Option<u64>) -> bool {
    page.through >= last.unwrap_or(page.end)
}

/// A line as it is; one that is no JSON as a text, for nobody should miss it.
fn raw(line: String) -> Result<Box<RawValue>, Problem> {
    serde_json::from_str(&line).or_else(|_| to_raw_value(&line)).map_err(|_| Code::Internal.into())
}
