//! `avanzacast audit rebuild`.

use std::{
    fs,
    path::{Path, PathBuf},
};

use avanzacast_audit::rebuild::{Difference, Digest, Feed, RebuildError, Replayed, Taken, digest_of, rebuild};
use avanzacast_kit::{
    config::{DatabaseConfig, Variables},
    time,
};
use avanzacast_worker::store::{Kept, Store};
use clap::Args;
use serde_json::json;

use super::{Failure, database, nowhere, operator};

/// Replays the record into the tables of an empty database, with all side effects off: nobody is called, nothing is
/// published. What it makes cannot be worked on: its own ledger is empty.
#[derive(Debug, Args)]
pub(super) struct Rebuild {
    /// The empty database: postgres://…, or sqlite:FILE
    #[arg(long, value_name = "DATABASE_URL")]
    into: String,
    /// Sessions, rooms and stays that may have been forgotten by this moment, because they had ended a week before, are
    /// not compared (2026-02-02T02:40:00Z, or with +02:00; unless told, now)
    #[arg(long, value_parser = moment)]
    at: Option<i64>,
    /// Where to read: `ledger`, or a file as `audit replay` or `audit archive` writes it. Repeated, one after the other: the
    /// archives, then the ledger. Logs that were given up come before the ledger by themselves, unless one is named by its
    /// table (`ledger_1a2b3c4d`), so that archives can follow it
    #[arg(long, value_name = "ledger|FILE", default_value = "ledger")]
    source: Vec<String>,
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// A log that was given up, by its table.
fn kept(source: &str) -> Option<Kept> {
    let mark = source.strip_prefix("ledger_")?;
    Kept::of(mark).filter(|kept| kept.table("ledger") == source)
}

fn moment(text: &str) -> Result<i64, &'static str> {
    time::parse_rfc3339(text).ok_or("a moment with its offset: 2026-02-02T02:40:00Z")
}

const NOT_COMPARED: &str =
    "nothing was compared: the live database is not there, or at another event, or begins where another ended";

/// The live database, as it was for one moment.
struct Live {
    store: Store,
    size: u64,
    at: i64,
    state: Taken,
}

impl Rebuild {
    pub(super) async fn run(self) -> Result<bool, Failure> {
        let into = target(&self.into)?;
        let live = self.live().await?;
        let at = self.at.or(live.as_ref().map(|live| live.at)).unwrap_or_else(time::now_ms);
        let feeds = self.feeds(live.as_ref()).await?;
        let own = Own::of(&into);
        let into = Store::new(into);
        let replayed = rebuild(feeds, &into).await.inspect_err(|error| own.remove(error))?;
        let mut look = into.look().await?;
        let (rebuilt, compared) = match live {
            Some(live) if !replayed.gap && replayed.last == live.size => {
                let digest = live.state.digest.clone();
                let (rebuilt, difference) = live.state.compare(&mut look, at).await?;
                (rebuilt, Some((digest, difference)))
            }
            Some(_) | None => (digest_of(&mut look, at).await?, None),
        };
        look.end().await;
        self.say(replayed, &rebuilt, compared.as_ref())?;
        Ok(compared.is_none_or(|(_, difference)| difference.is_none()))
    }

    /// The live database, where there is one. It is read first: what is replayed afterwards is the ledger up to then.
    async fn live(&self) -> Result<Option<Live>, Failure> {
        let mut variables = operator::variables();
        let config = database(&mut variables);
        variables.finish()?;
        if let DatabaseConfig::Sqlite(path) = &config
            && !path.is_file()
        {
            let needed = self.source.iter().any(|source| source == "ledger");
            return if needed { Err(nowhere(path).into()) } else { Ok(None) };
        }
        let store = Store::new(config);
        let mut look = store.look().await?;
        let size = u64::try_from(look.head().await?.size).unwrap_or_default();
        let at = self.at.unwrap_or(look.now().await?);
        let state = Taken::of(&mut look, at).await?;
        look.end().await;
        Ok(Some(Live { store, size, at, state }))
    }

    async fn feeds(&self, live: Option<&Live>) -> Result<Vec<Feed>, Failure> {
        let mut feeds = Vec::new();
        let alone = self.source.iter().any(|source| kept(source).is_some());
        for source in &self.source {
            match (live, kept(source)) {
                (Some(Live { store, .. }), Some(kept)) => feeds.push(Feed::of_kept(store, kept).await?),
                (Some(Live { store, size, .. }), None) if source == "ledger" => {
                    if alone {
                        feeds.push(Feed::of_ledger(store, *size).await?);
                    } else {
                        feeds.extend(Feed::of_all(store, *size).await?);
                    }
                }
                (Some(_) | None, _) => feeds.push(Feed::of_file(&PathBuf::from(source))?),
            }
        }
        Ok(feeds)
    }

    fn say(
        &self,
        replayed: Replayed,
        rebuilt: &Digest,
        compared: Option<&(Digest, Option<Difference>)>,
    ) -> Result<(), Failure> {
        let size = replayed.last;
        if self.json {
            let shown = |digest: &Digest| json!({"rows": digest.rows, "sha256": digest.sha256});
            let live = compared.map(|(live, _)| shown(live));
            let first = compared.and_then(|(_, difference)| difference.as_ref());
            let first = first.map(|(live, rebuilt)| json!({"live": live, "rebuilt": rebuilt}));
            let said = json!({"size": size, "rebuilt": shown(rebuilt), "live": live, "difference": first});
            operator::write(&format!("{said}\n"))?;
            if compared.is_none() {
                operator::say(NOT_COMPARED);
            }
            return Ok(());
        }
        let shown = |name: &str, digest: &Digest| format!("{name:8} {} ({} rows)\n", digest.sha256, digest.rows);
        let live = compared.map_or_else(|| "live     not compared\n".to_owned(), |(live, _)| shown("live", live));
        operator::write(&format!("size     {size}\n{live}{}", shown("rebuilt", rebuilt)))?;
        match compared {
            Some((_, Some((live, rebuilt)))) => {
                let line = |line: &Option<String>| line.clone().unwrap_or_else(|| "nothing more".to_owned());
                operator::say(&format!(
                    "avanzacast: they differ; at the first difference live has\n  {}\nand rebuilt has\n  {}",
                    line(live),
                    line(rebuilt)
                ));
            }
            Some((Digest { rows: 0, .. }, None)) => operator::say("there was nothing to compare: no row is in either"),
            Some((_, None)) => {}
            None => operator::say(NOT_COMPARED),
        }
        Ok(())
    }
}

fn target(url: &str) -> Result<DatabaseConfig, Failure> {
    let wrong = || Failure::from(operator::Usage("--into: postgres://…, or sqlite:FILE".to_owned()));
    let mut variables = Variables::from_map([("DATABASE_URL".to_owned(), url.to_owned())].into());
    let named = variables.text("DATABASE_URL").is_some();
    let config = DatabaseConfig::read(&mut variables, Path::new(""));
    let nowhere = matches!(&config, DatabaseConfig::Sqlite(path) if path.as_os_str().is_empty());
    if named && !nowhere && variables.finish().is_ok() { Ok(config) } else { Err(wrong()) }
}

/// The file that this command makes: what came to nothing need not be in the way the next time.
struct Own(Option<PathBuf>);

impl Own {
    fn of(into: &DatabaseConfig) -> Self {
        Self(match into {
            DatabaseConfig::Sqlite(path) if !path.exists() => Some(path.clone()),
            DatabaseConfig::Sqlite(_) | DatabaseConfig::Postgres(_) => None,
        })
    }

    fn remove(&self, failed: &RebuildError) {
        let Some(path) = &self.0 else {
            if !matches!(failed, RebuildError::NotEmpty) {
                operator::say("what was made in that database is still there: name an empty one the next time");
            }
            return;
        };
        for end in ["", "-wal", "-shm"] {
            let mut file = path.as_os_str().to_owned();
            file.push(end);
            // What is not there need not be removed.
            drop(fs::remove_file(file));
        }
    }
}
