//! `avanzacast audit verify`.

use std::{path::PathBuf, str::FromStr};

use avanzacast_audit::{Against, Lines, Proof, Root, Wanted, verify};
use clap::Args;

use super::{Failure, Origin, open, operator};

/// What is looked at.
#[derive(Debug, Args)]
pub(super) struct Verify {
    /// A file as `audit replay` writes it, or `-` for standard input; without one the source is looked at (the ledger,
    /// unless told otherwise)
    file: Option<PathBuf>,
    /// Where to read; with a file, what each of its lines is compared with
    #[arg(long, value_enum)]
    source: Option<Origin>,
    /// What an earlier `audit verify` printed: at that size the root must be that one
    #[arg(long, value_name = "SIZE:ROOT")]
    expect: Option<Expected>,
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

impl Verify {
    pub(super) async fn run(self) -> Result<bool, Failure> {
        let root = self.expect.map(|Expected { size, root }| (size, root));
        let (lines, wanted, bus) = match (&self.file, self.source) {
            (Some(file), None) => (Lines::of_file(file)?, Wanted { root, ..Wanted::default() }, None),
            (Some(file), Some(origin)) => {
                let (source, bus) = open(origin).await?;
                let against = Some(Against::new(source));
                (Lines::of_file(file)?, Wanted { root, against, ..Wanted::default() }, bus)
            }
            (None, origin) => {
                let (source, bus) = open(origin.unwrap_or(Origin::Ledger)).await?;
                let (first, head) = (source.first(), source.head().cloned());
                (source.read(first), Wanted { root, head, ..Wanted::default() }, bus)
            }
        };
        let verdict = verify(lines, wanted).await?;
        drop(bus);
        match verdict {
            Ok(proof) => operator::write(&said(&proof)).map(|()| true),
            Err(fault) => {
                operator::say(&format!("avanzacast: {fault}"));
                Ok(false)
            }
        }
    }
}

fn said(proof: &Proof) -> String {
    let Proof { first, last, root } = proof;
    match root {
        Some(root) => format!("size {last}\nroot {root}\n"),
        None => format!("events {first} to {last} are in order; a root needs the beginning (--source ledger)\n"),
    }
}
