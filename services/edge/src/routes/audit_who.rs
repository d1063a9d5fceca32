//! `GET /api/audit/who`: who could enter a room, who did, and who did without a token of ours.

use std::time::Duration;

use avanzacast_kit::config::Scope;
use avanzacast_schemas::{
    Code, RoomName,
    bus::subject,
    who::{About, AskWho, Period, Who, WhoPart},
};
use axum::{Extension, extract::State, response::Response};
use schemars::SchemaGenerator;

use crate::{
    Edge, Reach,
    access::Caller,
    ask::json,
    context::Context,
    event_query::{BROADCAST, ROOM, SESSION, broadcast, participant, room},
    moments::{Pairs, from_to, moment, now, once, parameter},
    operation::{Access, Method, Operation, Parameter, Success},
    problem::Problem,
    query::Query,
    record::Asker,
};

const AT: Parameter = parameter("at", "At this moment; for a room, now unless told");
const FROM: Parameter = parameter("from", "At any time from this moment on");
const TO: Parameter = parameter("to", "At any time up to this moment");
/// Of a room with thousands of people the first part takes seconds.
const PATIENCE: Duration = Duration::from_secs(10);
/// More than an answer of the worker's can have.
const PARTS: usize = 256;

pub(crate) static OPERATION: Operation = Operation {
    id: "askWho",
    method: Method::Get,
    path: "/api/audit/who",
    group: "Audit",
    summary: "Who could enter, who entered, and who entered without a token of ours",
    about: "About one of `room`, `broadcast` and `session`; at a moment, or in a time. It is what `avanzacast audit who \
            --json` says: with which token, minted by whom, used, resumed, revoked or expired, when they came and went; and \
            what it cannot say. What people are called is shown as proved where it is what the ledger has the hash of. One \
            such question is answered at a time; 422 where there is too much to look at or to say.",
    access: Access::Secret(Scope::Audit),
    parameters: &[ROOM, BROADCAST, SESSION, AT, FROM, TO],
    body: None,
    answers: &[Success::json(200, "Who", SchemaGenerator::subschema_for::<Who>)],
    refusals: &[Code::AnswerTooLarge],
};

pub(crate) async fn handle(
    State(edge): State<Edge>,
    Extension(context): Extension<Context>,
    Extension(caller): Extension<Caller>,
    Query(pairs): Query<Pairs>,
) -> Result<Response, Problem> {
    let about = about(&pairs)?;
    let period = period(&pairs, &about)?;
    let asker = Asker { actor: caller.actor, context };
    json(200, &edge.who(&asker, AskWho { about, period, through: None, skip: 0 }).await?)
}

fn about(pairs: &Pairs) -> Result<About, Problem> {
    match (once(pairs, "room")?, once(pairs, "broadcast")?, once(pairs, "session")?) {
        (Some(text), None, None) => Ok(About::Room(room(text.to_owned())?)),
        (None, Some(text), None) => Ok(About::Room(RoomName::of_broadcast(broadcast(text)?))),
        (None, None, Some(text)) => Ok(About::Session(participant(text.to_owned())?)),
        (_, _, _) => Err(Problem::malformed("one of room, broadcast and session must be there")),
    }
}

fn period(pairs: &Pairs, about: &About) -> Result<Option<Period>, Problem> {
    let Period { from: first, to: last } = Period::ALWAYS;
    match (moment(pairs, "at")?, from_to(pairs)?) {
        (Some(at), (None, None)) => Ok(Some(Period { from: at, to: at })),
        (Some(_), (_, _)) => Err(Problem::malformed("at must not be there together with from or to")),
        (None, (None, None)) => Ok(match about {
            About::Session(_) => None,
            About::Room(_) => Some(now()).map(|now| Period { from: now, to: now }),
        }),
        (None, (from, to)) => Ok(Some(Period { from: from.unwrap_or(first), to: to.unwrap_or(last) })),
    }
}

impl Reach {
    /// The answer, put together from its parts.
    async fn who(&self, asker: &Asker, mut asked: AskWho) -> Result<Who, Problem> {
        let WhoPart { answer: mut whole, mut more } = self.who_part(asker, &asked).await?;
        // Later parts are of the same ledger.
        asked.through = Some(whole.not_covered.size);
        for _ in 0..PARTS {
            let had = whole.could_enter.len() + whole.entered.len() + whole.strangers.len();
            if !more {
                return Ok(whole);
            }
            if had == asked.skip {
                break;
            }
            asked.skip = had;
            let part = self.who_part(asker, &asked).await?;
            more = part.more;
            whole.could_enter.extend(part.answer.could_enter);
            whole.entered.extend(part.answer.entered);
            whole.strangers.extend(part.answer.strangers);
        }
        Err(Code::Internal.into())
    }

    async fn who_part(&self, asker: &Asker, asked: &AskWho) -> Result<WhoPart, Problem> {
        let part = self.ask_the_record_within(PATIENCE, asker, subject::AUDIT_WHO, asked).await?;
        serde_json::from_slice(&part).map_err(|_| Code::Internal.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &[(&str, &str)]) -> Option<(About, Option<Period>)> {
        let pairs: Pairs = query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let about = about(&pairs).ok()?;
        let period = period(&pairs, &about).ok()?;
        Some((about, period))
    }

    const EARLY: &str = "2026-02-02T02:40:00Z";
    const LATE: &str = "2026-02-02T02:41:00Z";

    #[test]
    fn of_a_room_it_is_now_and_of_a_session_ever() {
        let (about, period) = read(&[("room", "démo")]).unwrap();
        assert!(matches!(about, About::Room(_)) && period.is_some_and(|period| period.from == period.to));
        let (_, period) = read(&[("session", "0b8a7f9e-6c1d-4a53-9b1e-2f7c3d4e5f60")]).unwrap();
        assert_eq!(period, None);
        let (about, _) = read(&[("broadcast", "019c1c3f-0000-7000-8000-000000000001"), ("at", EARLY)]).unwrap();
        assert!(matches!(about, About::Room(room) if room.as_str().starts_with("broadcast-")));
        let (_, period) = read(&[("room", "a"), ("from", EARLY)]).unwrap();
        assert_eq!(period.map(|period| period.to), Some(Period::ALWAYS.to));
    }

    #[test]
    fn what_is_asked_is_one_thing_at_one_time() {
        for wrong in [
            &[][..],
            &[("at", EARLY)],
            &[("room", "a"), ("session", "abcd")],
            &[("room", "a"), ("room", "a")],
            &[("room", "*")],
            &[("session", "p_x")],
            &[("broadcast", "7")],
            &[("room", "a"), ("at", EARLY), ("from", EARLY)],
            &[("room", "a"), ("at", EARLY), ("to", LATE)],
            &[("room", "a"), ("from", LATE), ("to", EARLY)],
            &[("room", "a"), ("at", "yesterday")],
            &[("room", "a"), ("at", EARLY), ("at", EARLY)],
        ] {
            assert_eq!(read(wrong), None, "{wrong:?}");
        }
    }
}
