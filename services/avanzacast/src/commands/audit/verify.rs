//! `avanzacast audit verify`.

use std::{collections::BTreeMap, path::PathBuf, str::FromStr};

use avanzacast_audit::{
    Against, Kept, Lines, Proof, Root, Wanted,
    log::{Checkpoint, Vkey},
    verify,
};
use avanzacast_kit::bus::Bus;
use avanzacast_worker::store::{Sql, Store, decode};
use clap::Args;
use serde_json::json;

use super::{Failure, Origin, open, operator, signing, there};

/// What is looked at.
#[derive(Debug, Args)]
pub(super) struct Verify {
    /// A file as `audit replay` or `audit archive` writes it, or `-` for standard input; without one the source is looked
    /// at (the ledger, unless told otherwise)
    file: Option<PathBuf>,
    /// Where to read; with a file, what each of its lines is compared with
    #[arg(long, value_enum)]
    source: Option<Origin>,
    /// A signed checkpoint that somebody kept: at its size the root must be its root, so a cut end, a history written anew
    /// and an old copy are found
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,
    /// The public key that the checkpoint must be signed with, as somebody else got it; without it, this server's own
    #[arg(long, requires = "checkpoint")]
    vkey: Option<Vkey>,
    /// What an earlier `audit verify` printed: at that size the root must be that one
    #[arg(long, value_name = "SIZE:ROOT")]
    expect: Option<Expected>,
    /// As JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy)]
struct Expected {
    size: u64,
    root: Root,
}

impl FromStr for Expected {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let read = || {
            let (size, root) = text.split_once(':')?;
            Some(Self { size: size.parse().ok().filter(|size| *size > 0)?, root: root.parse().ok()? })
        };
        read().ok_or("the size, a colon, and the root in base64")
    }
}

/// Every checkpoint of the database.
const SIGNED: Sql = Sql {
    postgres: "SELECT json_agg(note) FROM checkpoint WHERE $1::text[] IS NOT NULL",
    sqlite: "SELECT json_group_array(note) FROM checkpoint WHERE ?1 IS NOT NULL",
};

type Signed = BTreeMap<u64, (Root, String)>;

impl Verify {
    pub(super) async fn run(self) -> Result<bool, Failure> {
        let (mut signed, key) = self.signed().await?;
        let mut wanted = Wanted { root: self.expect.map(|Expected { size, root }| (size, root)), ..Wanted::default() };
        let (lines, bus) = match (&self.file, self.source) {
            (Some(file), None) => (Lines::of_file(file)?, None),
            (Some(file), Some(origin)) => {
                let (source, bus) = open(origin).await?;
                wanted.against = Some(Against::new(source));
                (Lines::of_file(file)?, bus)
            }
            (None, Some(Origin::Stream)) => {
                let (source, bus) = open(Origin::Stream).await?;
                let first = source.first();
                (source.read(first), bus)
            }
            (None, Some(Origin::Ledger) | None) => ledger(&mut wanted, &mut signed).await?,
        };
        wanted.signed = signed;
        let verdict = verify(lines, wanted).await?;
        drop(bus);
        match verdict {
            Ok(proof) => self.proved(&proof, key.as_ref()).map(|()| true),
            Err(fault) => {
                if self.json {
                    operator::write(&format!("{}\n", json!({"whole": false, "fault": fault.to_string()})))?;
                }
                operator::say(&format!("avanzacast: {fault}"));
                Ok(false)
            }
        }
    }

    /// The checkpoint that was given, and the key that signed it.
    async fn signed(&self) -> Result<(Signed, Option<Vkey>), Failure> {
        let Some(file) = &self.checkpoint else { return Ok((Signed::new(), None)) };
        let note = operator::read(file)?;
        let keys = match &self.vkey {
            Some(vkey) => vec![vkey.clone()],
            None => {
                operator::say(
                    "the key is this server's own: whoever could change the ledger could sign it; --vkey names another",
                );
                let mut variables = operator::variables();
                let store = Store::new(there(&mut variables)?);
                signing::public(&mut variables, &store).await?
            }
        };
        let (Checkpoint { size, root, .. }, key) = Checkpoint::open(&note, &keys)?;
        Ok((Signed::from([(size, (root, file.display().to_string()))]), Some(key.clone())))
    }

    fn proved(&self, proof: &Proof, key: Option<&Vkey>) -> Result<(), Failure> {
        let Proof { first, last, root } = proof;
        let key = key.map(ToString::to_string);
        if self.json {
            let root = root.map(|root| root.to_string());
            let object = json!({"whole": true, "first": first, "last": last, "root": root, "vkey": key});
            return operator::write(&format!("{object}\n"));
        }
        operator::write(&match root {
            Some(root) => format!("size {last}\nroot {root}\n"),
            None => {
                format!("events {first} to {last} are in order; a root needs the beginning (--source ledger)\n")
            }
        })?;
        key.map_or(Ok(()), |key| operator::write(&format!("as it was signed with {key}\n")))
    }
}

/// The ledger, with all that its database says of it: its head, its tiles and index, and everything that was ever signed.
async fn ledger(wanted: &mut Wanted, signed: &mut Signed) -> Result<(Lines, Option<Bus>), Failure> {
    let store = Store::new(there(&mut operator::variables())?);
    // Before the head is: what was signed by then, the ledger had.
    let (notes, _) = store.connect().await?.select(SIGNED, &[]).await?;
    let (source, _) = open(Origin::Ledger).await?;
    let (first, last, head) = (source.first(), source.last(), source.head().cloned());
    if first > 1 {
        operator::say(&format!(
            "the ledger begins at {first}: of what was before only the hashes are here; the files of `audit archive` are \
             verified by themselves"
        ));
    }
    for note in decode::<Vec<String>>(&notes)? {
        let Checkpoint { size, root, .. } = Checkpoint::unverified(&note)?;
        signed.entry(size).or_insert((root, "the table of checkpoints".to_owned()));
    }
    (wanted.head, wanted.kept) = (head, Some(Kept::of(&store, first, last).await?));
    Ok((source.read(first), None))
}
