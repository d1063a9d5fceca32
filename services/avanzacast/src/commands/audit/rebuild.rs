//! `avanzacast audit rebuild`.

use std::path::PathBuf;

use avanzacast_audit::rebuild::{Difference, Digest, Feed, Replayed, Taken, digest_of, rebuild};
use avanzacast_kit::{
    config::{DatabaseConfig, Variables},
    time,
};
use avanzacast_worker::store::Store;
use clap::Args;
use serde_json::json;

use super::{Failure, database, operator};

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
    /// archives, then the ledger
    #[arg(long, value_name = "ledger|FILE", default_value = "ledger")]
    source: Vec<String>,
    /// As JSON
    #[arg(long)]
    json: bool,
}

fn moment(text: &str) -> Result<i64, &'static str> {
    time::parse_rfc3339(text).ok_or("a moment with its offset: 2026-02-02T02:40:00Z")
}

/// The live database, as it was for one moment.
struct Live {
    store: Store,
    size: u64,
    at: i64,
    state: Taken,
}

impl Rebuild {
    pub(super) async fn run(self) -> Result<bool, Failure> {
        let into = Store::new(target(&self.into)?);
        let live = self.live().await?;
        let at = self.at.or(live.as_ref().map(|live| live.at)).unwrap_or_else(time::now_ms);
        let replayed = rebuild(self.feeds(live.as_ref()).await?, &into).await?;
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
            let missing = format!("there is no ledger at {}: name it by DATABASE_URL or DATA_DIR", path.display());
            return if needed { Err(missing.into()) } else { Ok(None) };
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
        for source in &self.source {
            match live {
                Some(live) if source == "ledger" => feeds.extend(Feed::of_ledger(&live.store, live.size).await?),
                Some(_) | None => feeds.push(Feed::of_file(&PathBuf::from(source))?),
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
            return operator::write(&format!("{said}\n"));
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
            Some((_, None)) => {}
            None => operator::say("the live database is not there, or at another event, or begins where another ended"),
        }
        Ok(())
    }
}

fn target(url: &str) -> Result<DatabaseConfig, Failure> {
    let mut variables = Variables::from_map([("DATABASE_URL".to_owned(), url.to_owned())].into());
    let config = DatabaseConfig::read(&mut variables, &PathBuf::from("."));
    variables.finish()?;
    Ok(config)
}
