//! The record over HTTP (<https://c2sp.org/tlog-tiles>): pages of events from the audit worker, and answers that caches
//! may keep, because what they show never changes.

use std::time::Duration;

use avanzacast_kit::{bus::DEADLINE, config::Door, telemetry::TraceContext};
use avanzacast_schemas::{Actor, ActorKind, Code, EventsPage, GetCheckpoint, ListEvents, bus::subject, command_id};
use axum::{
    body::Body,
    http::{HeaderValue, header},
    response::Response,
};
use bytes::Bytes;
use serde::Serialize;

use crate::{Reach, ask::Ask, context::Context, problem::Problem};

/// What the specification says of a checkpoint: text, kept for a few seconds at most.
pub(crate) const CHECKPOINT: &str = "text/plain; charset=utf-8";
/// And of tiles.
pub(crate) const TILE: &str = "application/octet-stream";

/// How long a cache may keep an answer.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kept {
    /// Until the next checkpoint, or nearly.
    Briefly,
    /// It never changes.
    ForGood,
}

/// Who asks, and for which request.
#[derive(Debug, Clone)]
pub(crate) struct Asker {
    pub(crate) actor: Actor,
    pub(crate) context: Context,
}

impl Asker {
    /// The edge itself, for nobody's request.
    pub(crate) fn nobody() -> Self {
        Self { actor: Actor::of(ActorKind::Anonymous), context: Context { trace: TraceContext::generate() } }
    }
}

impl Reach {
    /// Asks the audit worker something that changes nothing.
    pub(crate) async fn ask_the_record<C: Serialize>(
        &self,
        asker: &Asker,
        subject: &'static str,
        command: &C,
    ) -> Result<Bytes, Problem> {
        self.ask_the_record_within(DEADLINE, asker, subject, command).await
    }

    /// The same, with a deadline of its own.
    pub(crate) async fn ask_the_record_within<C: Serialize>(
        &self,
        patience: Duration,
        asker: &Asker,
        subject: &'static str,
        command: &C,
    ) -> Result<Bytes, Problem> {
        let Asker { actor, context } = asker;
        let ask = Ask { subject, id: command_id::fresh(), actor, context: *context, command };
        Ok(self.ask_within(patience, ask).await?.body)
    }

    /// A page of events.
    pub(crate) async fn events(&self, asker: &Asker, list: &ListEvents) -> Result<EventsPage, Problem> {
        self.events_within(DEADLINE, asker, list).await
    }

    /// The same, with a deadline of its own.
    pub(crate) async fn events_within(
        &self,
        patience: Duration,
        asker: &Asker,
        list: &ListEvents,
    ) -> Result<EventsPage, Problem> {
        let body = self.ask_the_record_within(patience, asker, subject::AUDIT_EVENTS, list).await?;
        serde_json::from_slice(&body).map_err(|_| Code::Internal.into())
    }

    /// How many events the checkpoint that was signed last has.
    pub(crate) async fn signed_size(&self, asker: &Asker) -> Result<u64, Problem> {
        let text = self.ask_the_record(asker, subject::AUDIT_CHECKPOINT, &GetCheckpoint {}).await?;
        size_of(&text).ok_or_else(|| Code::Internal.into())
    }

    /// An answer that caches may keep; those of many callers only when anybody may have it.
    pub(crate) fn keep_answer(&self, media: &'static str, kept: Kept, shows_events: bool, body: Bytes) -> Response {
        let anybody = !shows_events && self.gate.is_open(Door::Audit);
        let mut response = Response::new(Body::from(body));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
        headers.insert(header::CACHE_CONTROL, cache_control(kept, anybody));
        response
    }
}

fn cache_control(kept: Kept, anybody: bool) -> HeaderValue {
    HeaderValue::from_static(match (kept, anybody) {
        (Kept::Briefly, true) => "public, max-age=5",
        (Kept::Briefly, false) => "private, max-age=5",
        (Kept::ForGood, true) => "public, max-age=31536000, immutable",
        (Kept::ForGood, false) => "private, max-age=31536000, immutable",
    })
}

/// The second line of a checkpoint (<https://c2sp.org/tlog-checkpoint>).
fn size_of(checkpoint: &[u8]) -> Option<u64> {
    str::from_utf8(checkpoint).ok()?.split('\n').nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_says_its_size() {
        assert_eq!(size_of(b"studio.example/ledger\n70000\nroot=\n\n\xe2\x80\x94 x y\n"), Some(70_000));
        assert_eq!(size_of(b"studio.example/ledger"), None);
        assert_eq!(size_of(b"x\n-1\n"), None);
    }
}
