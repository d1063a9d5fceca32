//! `avanzacast audit archive`.

use std::path::PathBuf;

use avanzacast_audit::archive::{Archive as Outcome, Archived, Reach, Relayed, archive};
use avanzacast_kit::time;
use avanzacast_schemas::bus::BusUser;
use avanzacast_worker::store::Store;
use clap::Args;
use serde_json::json;

use super::{Failure, operator, there};
use crate::commands::session_worker::data_dir;

/// Writes what happened before a moment into files, proves that they hold it, and only then lets the ledger forget it: in
/// whole tiles of 256 events, as far as the last checkpoint signs them and EVENTS and all workers have them. Hashes stay, so
/// roots and proofs stay what they were, and the event `ledger.archived` says what was archived. Keep the files; everything about their events is in them alone.
#[derive(Debug, Args)]
pub(super) struct Archive {
    /// Events before this moment (2026-02-02T02:40:00Z, or with +02:00)
    #[arg(long, value_parser = moment)]
    before: i64,
    /// The folder for the files; unless told, `archive` in DATA_DIR
    #[arg(long)]
    out: Option<PathBuf>,
    /// As JSON
    #[arg(long)]
    json: bool,
}

fn moment(text: &str) -> Result<i64, &'static str> {
    time::parse_rfc3339(text).ok_or("a moment with its offset: 2026-02-02T02:40:00Z")
}

impl Archive {
    pub(super) async fn run(self) -> Result<bool, Failure> {
        let mut variables = operator::variables();
        let store = Store::new(there(&mut variables)?);
        let into = self.out.unwrap_or_else(|| data_dir(&variables).join("archive"));
        let bus = operator::visit(variables, BusUser::Audit, "archive").await?;
        let relayed = Relayed::of(&bus).await?;
        let archived = archive(&store, self.before, &relayed, &into).await?;
        bus.close().await;
        match archived {
            Outcome::Done(Archived { first, last, root, events, sha256, proof }) if self.json => {
                let object = json!({
                    "first": first, "last": last, "root": root.to_string(), "events": events, "sha256": sha256,
                    "proof": proof,
                });
                operator::write(&format!("{object}\n"))?;
            }
            Outcome::Done(Archived { first, last, root: _, events, sha256: _, proof }) => {
                let (events, proof) = (events.display(), proof.display());
                operator::write(&format!("events {first} to {last}\n{events}\n{proof}\n"))?;
            }
            Outcome::Nothing(reach) => {
                let Reach { cut, old, signed, followed, relayed, size } = reach;
                operator::say(&format!(
                    "no whole tile of 256 events can be archived: of {size} events {cut} are archived, {old} are old enough, \
                     {signed} are signed, {followed} are done with by every worker, {relayed} are in EVENTS"
                ));
                if self.json {
                    operator::write("null\n")?;
                }
            }
        }
        Ok(true)
    }
}
