//! Telling the audit worker, once a minute and at the end.

use std::time::Duration;

use avanzacast_kit::{
    bus::{Reply, Request, Unanswered},
    telemetry::TraceContext,
    time,
};
use avanzacast_schemas::{Actor, ActorKind, bus::subject, command_id};
use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use super::{Refused, Tally};
use crate::{Edge, Reach};

/// What the ledger is told of a flood is about a minute of it.
const EVERY: Duration = Duration::from_secs(60);
/// For the answer; there is time until the next.
const PATIENCE: Duration = Duration::from_secs(5);
/// At the end, when the process is waited for.
const LAST: Duration = Duration::from_secs(2);

/// A report under its id.
#[derive(Debug)]
pub(super) struct Report {
    id: String,
    tally: Tally,
    body: Bytes,
    /// Whether it may have arrived: then it stays what it is, so that the worker knows it again.
    sent: bool,
}

impl Report {
    fn of(tally: Tally) -> Option<Self> {
        let body = serde_json::to_vec(&tally.told(time::now_ms())).ok()?;
        Some(Self { id: command_id::fresh(), tally, body: body.into(), sent: false })
    }
}

/// What became of a report.
#[derive(Debug, PartialEq, Eq)]
enum Fate {
    /// It stands in the ledger, or never will.
    Done,
    /// It did not arrive.
    Kept,
    /// Nobody knows.
    Open,
}

/// Reports every minute, until the process takes no more requests.
pub(crate) async fn keep_telling(edge: Edge, stopping: CancellationToken) {
    while stopping.run_until_cancelled(tokio::time::sleep(EVERY)).await.is_some() {
        edge.tell_refused(PATIENCE).await;
    }
}

impl Reach {
    /// The last report, when every request is answered.
    pub(crate) async fn tell_last_refused(&self) {
        self.tell_refused(LAST).await;
        let lost = self.refused.tally().sum();
        if lost > 0 {
            tracing::warn!(lost, "what was refused could not be told before the end");
        }
    }

    async fn tell_refused(&self, patience: Duration) {
        let refused = &self.refused;
        let mut open = refused.open.lock().await;
        // What may have arrived first; and with the bus back, what came since.
        for _ in 0..2 {
            let Some(mut report) = open.take().or_else(|| refused.next()) else { return };
            match self.send(&report, patience).await {
                Fate::Done => {}
                Fate::Kept if !report.sent => {
                    refused.tally().put_back(report.tally);
                    return;
                }
                Fate::Kept | Fate::Open => {
                    report.sent = true;
                    *open = Some(report);
                    return;
                }
            }
        }
    }

    async fn send(&self, report: &Report, patience: Duration) -> Fate {
        let request = Request {
            subject: subject::AUDIT_REFUSED,
            command_id: report.id.clone(),
            actor: &Actor::of(ActorKind::Anonymous),
            trace: TraceContext::generate(),
            body: report.body.clone(),
            patience,
        };
        match self.caller.call(&request).await {
            Ok(reply) => fate(&reply),
            Err(Unanswered::NotApplied(_)) => Fate::Kept,
            Err(Unanswered::Unknown) => Fate::Open,
        }
    }
}

fn fate(reply: &Reply) -> Fate {
    match reply.status {
        200..300 => Fate::Done,
        // It will be refused tomorrow as well; waiting would hold up all that follow.
        400..500 => {
            tracing::error!(code = reply.code.as_deref(), "a count of refused requests was not taken");
            Fate::Done
        }
        _ => Fate::Open,
    }
}

impl Refused {
    /// The next report, if there is something to report.
    fn next(&self) -> Option<Report> {
        let taken = self.tally().take();
        taken.and_then(Report::of)
    }
}
