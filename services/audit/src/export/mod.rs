//! A pack of evidence: events, the proof that each stands in the ledger, the signed checkpoint that the proofs lead to, the
//! key, and a program that checks all of it with Python alone. Whoever gets it needs nothing of ours.

use std::io::{Seek, Write};

use avanzacast_worker::store::{Session, StoreError};
use zip::{ZipWriter, result::ZipError, write::SimpleFileOptions};

use crate::{
    Filter, Line, Lines, SourceError,
    log::{Checkpoint, CheckpointError, Inclusion, Tree, TreeError, Vkey},
};

const VERIFY: &str = include_str!("verify.py");
const README: &str = include_str!("readme.md");
/// With their proofs some 10 MB: more does not fit in an e-mail, and is what `audit archive` is for.
pub const MOST: usize = 20_000;

/// What is to be packed.
#[derive(Debug)]
pub struct Wanted {
    /// The last event that is asked for.
    pub through: u64,
    /// Which of them.
    pub filter: Filter,
    /// The checkpoint that the proofs lead to: its signed text.
    pub checkpoint: String,
    /// The log's keys, one of which signed it.
    pub keys: Vec<Vkey>,
}

/// What was packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packed {
    /// The first event.
    pub first: u64,
    /// The last event.
    pub last: u64,
    /// How many.
    pub events: usize,
    /// The size that the checkpoint signs.
    pub size: u64,
    /// How many more are asked for, which it does not sign yet.
    pub unsigned: usize,
}

/// There is no pack.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// Nothing fits.
    #[error("no event is asked for that the last checkpoint signs; one is signed within a minute")]
    Nothing,
    /// Too much.
    #[error("more than {MOST} events are asked for: name a shorter time or a room, or take `audit archive`")]
    Much,
    /// The signed text.
    #[error("the checkpoint that was signed last")]
    Checkpoint(#[from] CheckpointError),
    /// The tree.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// Lines cannot be had.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The database.
    #[error("the ledger cannot be read")]
    Store(#[from] StoreError),
    /// The file.
    #[error("the pack cannot be written")]
    Zip(#[from] ZipError),
    /// The file.
    #[error("the pack cannot be written")]
    File(#[from] std::io::Error),
}

/// Packs the wanted lines, as far as the checkpoint signs them.
///
/// # Errors
/// There is nothing to pack or too much, or something is away.
pub async fn export<W: Write + Seek>(
    lines: Lines,
    session: &mut Session,
    wanted: &Wanted,
    out: W,
) -> Result<Packed, ExportError> {
    let (checkpoint, _) = Checkpoint::open(&wanted.checkpoint, &wanted.keys)?;
    let Chosen { lines: chosen, unsigned } = choose(lines, wanted, checkpoint.size).await?;
    let (Some((first, _)), Some((last, _))) = (chosen.first(), chosen.last()) else { return Err(ExportError::Nothing) };
    let packed = Packed { first: *first, last: *last, events: chosen.len(), size: checkpoint.size, unsigned };
    let (mut zip, options) = (ZipWriter::new(out), SimpleFileOptions::default());
    let mut put = |name: &str, parts: &[&[u8]]| -> Result<(), ExportError> {
        zip.start_file(name, options)?;
        Ok(parts.iter().try_for_each(|part| zip.write_all(part))?)
    };
    let text: Vec<&[u8]> = chosen.iter().flat_map(|(_, line)| [line.as_ref(), b"\n"]).collect();
    put("events.ndjson", &text)?;
    put("checkpoint", &[wanted.checkpoint.as_bytes()])?;
    put("vkey", &[keys(wanted).as_bytes()])?;
    put("verify.py", &[VERIFY.as_bytes()])?;
    put("README.md", &[readme(&checkpoint, packed, wanted.filter.rooms.first().map(String::as_str)).as_bytes()])?;
    let mut tree = Tree::new(session);
    for (seq, line) in &chosen {
        let hashes = tree.prove_inclusion(*seq, Some(line), &checkpoint).await?;
        let proof = Inclusion { seq: *seq, hashes, checkpoint: wanted.checkpoint.clone() };
        put(&format!("proofs/{seq}.tlog-proof"), &[proof.text().as_bytes()])?;
    }
    zip.finish()?.flush()?;
    Ok(packed)
}

/// The key that signed the checkpoint, which a new one may have come after, then the others.
fn keys(Wanted { checkpoint, keys, .. }: &Wanted) -> String {
    let signed = |key: &&Vkey| Checkpoint::open(checkpoint, std::slice::from_ref(*key)).is_ok();
    let (signed, others): (Vec<&Vkey>, Vec<&Vkey>) = keys.iter().partition(signed);
    signed.into_iter().chain(others).map(|key| format!("{key}\n")).collect()
}

/// What is asked for, as far as it is signed, and how much more there is.
#[derive(Default)]
struct Chosen {
    lines: Vec<Line>,
    unsigned: usize,
}

async fn choose(mut lines: Lines, wanted: &Wanted, size: u64) -> Result<Chosen, ExportError> {
    let mut chosen = Chosen::default();
    while let Some(batch) = lines.next().await? {
        let ends = batch.last().is_none_or(|(place, _)| *place >= wanted.through);
        let asked = batch.into_iter().filter(|(place, line)| *place <= wanted.through && wanted.filter.wants(line));
        let (signed, unsigned): (Vec<Line>, Vec<Line>) = asked.partition(|(place, _)| *place <= size);
        chosen.lines.extend(signed);
        chosen.unsigned += unsigned.len();
        if chosen.lines.len() > MOST {
            return Err(ExportError::Much);
        }
        if ends {
            break;
        }
    }
    Ok(chosen)
}

fn readme(checkpoint: &Checkpoint, packed: Packed, room: Option<&str>) -> String {
    let Packed { first, last, events, size, unsigned: _ } = packed;
    let of_room = |of: &str| room.map(|room| format!(" {of} «{room}»")).unwrap_or_default();
    let plural = |one: &str, many: &str| format!("{events} {}", if events == 1 { one } else { many });
    let fields = [
        ("{origin}", checkpoint.origin.to_string()),
        ("{first}", first.to_string()),
        ("{last}", last.to_string()),
        ("{events}", events.to_string()),
        ("{events_es}", plural("suceso", "sucesos")),
        ("{events_en}", plural("event", "events")),
        ("{selection_es}", of_room("que tratan de la sala")),
        ("{selection_en}", of_room("about the room")),
        ("{size}", size.to_string()),
    ];
    fields.iter().fold(README.to_owned(), |text, (name, value)| text.replace(name, value))
}
