//! `avanzacast audit export`.

use std::{
    fs::{self, Permissions},
    io::{self, Cursor, ErrorKind, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use avanzacast_audit::{
    Filter, Source,
    export::{Packed, Wanted, export},
    log::{Vkey, newest},
};
use avanzacast_schemas::RoomName;
use avanzacast_worker::store::Store;
use clap::Args;
use serde_json::json;

use super::{
    Failure, From, begin, operator,
    replay::{in_order, room},
    signing, there,
};

/// Packs events with all that it takes to prove them into one file, for somebody who trusts nobody here: the events, a proof
/// for each, the signed checkpoint, the key, a program that checks it, and what it means in Spanish and English.
#[derive(Debug, Args)]
pub(super) struct Export {
    /// From this place in the ledger on (1 is the first), or from this moment (2026-02-02T02:40:00Z, or with +02:00)
    #[arg(long)]
    from: Option<From>,
    /// Up to this place, or this moment
    #[arg(long)]
    to: Option<From>,
    /// Only events in this room; its name will stand in the pack
    #[arg(long, value_parser = room)]
    room: Option<RoomName>,
    /// The file to be written
    #[arg(long)]
    out: PathBuf,
    /// As JSON
    #[arg(long)]
    json: bool,
}

impl Export {
    pub(super) async fn run(self) -> Result<bool, Failure> {
        in_order(self.from, self.to)?;
        let mut variables = operator::variables();
        let store = Store::new(there(&mut variables)?);
        let mut session = store.connect().await?;
        let checkpoint = newest(&mut session).await?.ok_or("there is no checkpoint yet: nothing can be proved")?.note;
        let keys: Vec<Vkey> = signing::public(&mut variables, &store).await?;
        variables.finish()?;
        let mut source = Source::ledger(&store).await?;
        let through = match self.to {
            Some(From::Place(place)) => place,
            Some(From::Moment(moment)) => source.since(moment).await?.saturating_sub(1),
            None => source.last(),
        };
        let from = begin(&mut source, self.from).await?;
        let filter = Filter { rooms: self.room.into_iter().map(String::from).collect(), ..Filter::default() };
        let wanted = Wanted { through, filter, checkpoint, keys };
        let mut pack = Cursor::new(Vec::new());
        let packed = export(source.read(from), &mut session, &wanted, &mut pack).await?;
        put(pack.get_ref(), &self.out).map_err(|error| format!("{}: {error}", self.out.display()))?;
        let Packed { first, last, events, size, unsigned } = packed;
        operator::write(&if self.json {
            let out = &self.out;
            let told = json!({
                "events": events, "first": first, "last": last, "size": size, "unsigned": unsigned, "out": out,
            });
            format!("{told}\n")
        } else {
            format!("{} from {first} to {last}: {}\n", counted(events), self.out.display())
        })?;
        if unsigned > 0 {
            operator::say(&format!("{} more, after {size}, not signed yet: not in the pack", counted(unsigned)));
        }
        Ok(true)
    }
}

fn counted(events: usize) -> String {
    format!("{events} {}", if events == 1 { "event" } else { "events" })
}

/// Puts a whole pack in the place of what is there, which stays if that fails. It fits in an e-mail, and in memory.
fn put(pack: &[u8], out: &Path) -> io::Result<()> {
    let path = match fs::canonicalize(out) {
        // A device is written to, and not replaced.
        Ok(path) if !path.is_file() => return fs::write(path, pack),
        Ok(path) => path,
        Err(error) if error.kind() == ErrorKind::NotFound => out.to_owned(),
        Err(error) => return Err(error),
    };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // For others to read, as far as whoever makes files lets them.
    let mut file = tempfile::Builder::new().permissions(Permissions::from_mode(0o666)).tempfile_in(folder)?;
    file.write_all(pack)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}
