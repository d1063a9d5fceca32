//! `avanzacast audit prove`.

use std::{fs, path::PathBuf};

use avanzacast_audit::log::{Checkpoint, Consistency, Inclusion, Tree, newest};
use avanzacast_worker::store::{Session, Sql, Store, decode};
use clap::{ArgGroup, Args};
use serde_json::json;

use super::{Failure, ledger, operator};

/// Proofs that convince offline: that an event stands in the ledger, as two files, the event byte for byte (`SEQ.json`) and
/// a C2SP tlog-proof of it (`SEQ.tlog-proof`); or that the ledger begins with what an older checkpoint signed, as text.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("what").required(true).args(["event", "seq", "since"])))]
pub(super) struct Prove {
    /// The event with this id
    #[arg(long, value_name = "ID")]
    event: Option<uuid::Uuid>,
    /// The event at this place; the first is 1
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    seq: Option<u64>,
    /// Nothing was taken away or changed since this checkpoint
    #[arg(long, value_name = "CHECKPOINT-FILE")]
    since: Option<PathBuf>,
    /// The folder for the files
    #[arg(long, default_value = ".")]
    out: PathBuf,
    /// As JSON, and no files
    #[arg(long)]
    json: bool,
}

/// Where an event's id says that it happened: ids are in the order of time, as the ledger is.
const BETWEEN: Sql = Sql {
    postgres:
        "SELECT json_agg(seq) FROM ledger WHERE seq > ($1::text[])[1]::bigint AND seq <= ($1::text[])[1]::bigint + 4096
        AND body LIKE '%\"id\":\"' || ($1::text[])[2] || '\"%'",
    sqlite: "SELECT json_group_array(seq) FROM ledger WHERE seq > CAST(?1 ->> 0 AS INTEGER)
        AND seq <= CAST(?1 ->> 0 AS INTEGER) + 4096 AND body LIKE '%\"id\":\"' || (?1 ->> 1) || '\"%'",
};
/// Events read at once when one is looked for.
const RUN: i64 = 4_096;

impl Prove {
    pub(super) async fn run(self) -> Result<bool, Failure> {
        let mut session = Store::new(ledger()?).connect().await?;
        let note = newest(&mut session).await?.ok_or("there is no checkpoint yet: nothing can be proved")?.note;
        let checkpoint = Checkpoint::unverified(&note)?;
        if let Some(since) = &self.since {
            return consistency(&mut session, &operator::read(since)?, note, &checkpoint, self.json).await;
        }
        let seq = match (self.seq, self.event) {
            (Some(seq), _) => seq,
            (None, Some(id)) => find(&mut session, id).await?,
            (None, None) => return Err(operator::Usage("which event?".to_owned()).into()),
        };
        if !(1..=checkpoint.size).contains(&seq) {
            let size = checkpoint.size;
            return Err(format!("the last checkpoint signs events 1 to {size}; one is signed within a minute").into());
        }
        self.inclusion(&mut session, seq, note, &checkpoint).await
    }

    async fn inclusion(
        &self,
        session: &mut Session,
        seq: u64,
        note: String,
        signed: &Checkpoint,
    ) -> Result<bool, Failure> {
        let place = i64::try_from(seq).unwrap_or(i64::MAX);
        let found = session.events(place - 1, 1).await?.into_iter().find(|(at, _)| *at == place);
        let event = found.map(|(_, body)| body);
        let bytes = event.as_ref().map(String::as_bytes);
        let hashes = Tree::new(session).prove_inclusion(seq, bytes, signed).await?;
        let proof = Inclusion { seq, hashes, checkpoint: note }.text();
        if self.json {
            operator::write(&format!("{}\n", json!({"seq": seq, "event": event, "proof": proof})))?;
            return Ok(true);
        }
        fs::create_dir_all(&self.out)?;
        let path = |end: &str| self.out.join(format!("{seq}.{end}"));
        match event {
            Some(event) => fs::write(path("json"), event)?,
            None => operator::say("the event itself is archived: the proof is of its hash"),
        }
        fs::write(path("tlog-proof"), proof)?;
        operator::write(&format!("{}\n", path("tlog-proof").display()))?;
        Ok(true)
    }
}

async fn consistency(
    session: &mut Session,
    old: &str,
    note: String,
    new: &Checkpoint,
    json: bool,
) -> Result<bool, Failure> {
    let old = Checkpoint::unverified(old)?;
    if old.origin != new.origin {
        return Err(format!("that checkpoint is of the log {}, this one is {}", old.origin, new.origin).into());
    }
    let hashes = match old.size <= new.size {
        true => Tree::new(session).prove_consistency(old.size, new).await?,
        false => {
            operator::say(&format!(
                "avanzacast: {} events were signed, and only {} are signed here",
                old.size, new.size
            ));
            return Ok(false);
        }
    };
    let proof = Consistency { old: old.size, hashes, checkpoint: note };
    if !proof.holds(old.root, new.size, new.root) {
        operator::say(&format!("avanzacast: the first {} events are not those that were signed then", old.size));
        return Ok(false);
    }
    operator::write(&if json {
        format!("{}\n", json!({"old": old.size, "size": new.size, "proof": proof.text()}))
    } else {
        proof.text()
    })?;
    Ok(true)
}

/// An id of ours holds its moment, and the ledger is in order of it, so a few looks find the place.
async fn find(session: &mut Session, id: uuid::Uuid) -> Result<u64, Failure> {
    let (seconds, nanos) = id.get_timestamp().ok_or("an event's id is a UUID of version 7")?.to_unix();
    let moment = i64::try_from(seconds)? * 1000 + i64::from(nanos / 1_000_000);
    let first = session.first_at(moment - 1).await?;
    let mut after = i64::try_from(first)?.saturating_sub(1);
    let size = session.head().await?.size;
    // Events of one moment are as many as one batch has at most; the clock of ids and of events is the same.
    while after < size {
        let (found, _) = session.select(BETWEEN, &[after.to_string(), id.to_string()]).await?;
        if let Some(seq) = decode::<Vec<u64>>(&found)?.first() {
            return Ok(*seq);
        }
        let last = session.events(after, 1).await?.into_iter().next();
        if last.is_none_or(|(_, body)| moment_of(&body).is_none_or(|at| at > moment)) {
            break;
        }
        after += RUN;
    }
    let cut = session.cut().await?;
    // Only what is as old as the first event that is left can be before it.
    if cut > 0 && i64::try_from(first)? <= cut + 1 {
        return Err(format!(
            "the ledger has no event with this id any more, if it ever had: events up to {cut} are archived; whoever \
             finds its place in their files can prove that (`--seq`)"
        )
        .into());
    }
    Err("the ledger has no event with this id".into())
}

fn moment_of(body: &str) -> Option<i64> {
    avanzacast_kit::time::parse_rfc3339(serde_json::from_str::<serde_json::Value>(body).ok()?.get("time")?.as_str()?)
}
