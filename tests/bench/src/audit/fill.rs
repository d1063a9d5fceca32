//! A long ledger with all that is derived from it, as fast as PostgreSQL takes it.

use std::{
    io::{BufWriter, Write},
    process::{Child, ChildStdin},
};

use avanzacast_kit::time;
use avanzacast_tests::{Postgres, Stack};
use avanzacast_worker::ledger::{Frontier, Hash, leaf};
use data_encoding::{BASE32_NOPAD, BASE64, HEXLOWER};
use uuid::Builder;

/// Events of each session: a token, its use, a stay's beginning and its end.
const EACH: u64 = 4;
/// Sessions of each room.
const IN_ROOM: u64 = 25;
/// Rooms that there are at a time.
const ROOMS: u64 = 4_096;
/// Between two events: so that a million are less than a day.
const APART_MS: u64 = 80;
const FULL: usize = 256;

/// What was filled.
#[derive(Debug)]
pub(super) struct Filled {
    pub(super) size: u64,
    pub(super) sessions: u64,
    /// A moment in it: RFC 3339.
    pub(super) middle: String,
}

impl Filled {
    /// The room of a session.
    pub(super) fn room(&self, session: u64) -> String {
        room(session)
    }
}

/// Sessions of one room are not beside each other.
fn room(session: u64) -> String {
    format!("room-{}-{}", session / (IN_ROOM * ROOMS), session % ROOMS)
}

fn digest(what: &str, number: u64) -> Hash {
    leaf(format!("{what}{number}").as_bytes())
}

/// Whom a session lets in.
pub(super) fn participant(session: u64) -> String {
    let text = BASE32_NOPAD.encode(&digest("participant", session)).to_lowercase();
    format!("p_{}", &text[..26])
}

/// `COPY` into a table.
struct Copying {
    program: Child,
    rows: Option<BufWriter<ChildStdin>>,
}

impl Copying {
    fn into(stack: &Stack, table: &str) -> Self {
        let database = stack.database.as_deref().unwrap();
        let mut program = Postgres::shared().copy(database, &format!("COPY {table} FROM STDIN"));
        let rows = BufWriter::with_capacity(1024 * 1024, program.stdin.take().unwrap());
        Self { program, rows: Some(rows) }
    }

    fn row(&mut self, row: std::fmt::Arguments<'_>) {
        self.rows.as_mut().unwrap().write_fmt(row).unwrap();
    }

    fn end(mut self) {
        self.rows.take().unwrap().flush().unwrap();
        assert!(self.program.wait().unwrap().success());
    }
}

/// Fills an empty ledger, its index and its tiles, as if the audit worker had followed.
pub(super) fn fill(stack: &Stack, rows: u64) -> Filled {
    let size = rows / EACH * EACH;
    stack.sql("ALTER TABLE ledger DISABLE TRIGGER USER");
    stack.sql("ALTER TABLE ledger_index DROP CONSTRAINT ledger_index_pkey");
    let (mut ledger, mut index) =
        (Copying::into(stack, "ledger (seq, body)"), Copying::into(stack, "ledger_index (kind, key, seq)"));
    let mut tiles =
        Tiles { open: vec![Vec::new(); 8], copying: Copying::into(stack, "ledger_tile (level, n, root, hashes)") };
    let (mut frontier, start) = (Frontier::default(), time::now_ms() - i64::try_from(size * APART_MS).unwrap());
    let moment = |seq: u64| start + i64::try_from(seq * APART_MS).unwrap();
    for seq in 1..=size {
        let session = (seq - 1) / EACH;
        let line = line(seq, moment(seq));
        let hash = leaf(line.as_bytes());
        frontier.append_hash(hash);
        tiles.append(seq, hash);
        ledger.row(format_args!("{seq}\t{line}\n"));
        index.row(format_args!("participant\t{}\t{seq}\nroom\t{}\t{seq}\n", participant(session), room(session)));
        if (seq - 1) % EACH >= 2 {
            index.row(format_args!("stay\tPA_{session}\t{seq}\n"));
        }
    }
    ledger.end();
    index.end();
    tiles.copying.end();
    let head = HEXLOWER.encode(&frontier.bytes());
    stack.sql(&format!("UPDATE ledger_head SET size = {size}, frontier = decode('{head}', 'hex')"));
    stack.sql("UPDATE reactor SET position = (SELECT size FROM ledger_head)");
    stack.sql("ALTER TABLE ledger_index ADD PRIMARY KEY (kind, key, seq)");
    stack.sql("ALTER TABLE ledger ENABLE TRIGGER USER");
    stack.sql("VACUUM ANALYZE");
    Filled { size, sessions: size / EACH, middle: time::rfc3339(moment(size / 2)) }
}

/// Full tiles, level by level.
struct Tiles {
    open: Vec<Vec<Hash>>,
    copying: Copying,
}

impl Tiles {
    fn append(&mut self, seq: u64, mut hash: Hash) {
        for (level, open) in self.open.iter_mut().enumerate() {
            open.push(hash);
            if open.len() < FULL {
                return;
            }
            let mut tile = Frontier::default();
            open.iter().for_each(|hash| tile.append_hash(*hash));
            let (root, hashes) = (tile.root(), open.concat());
            let n = (seq >> (8 * (level + 1))) - 1;
            self.copying.row(format_args!("{level}\t{n}\t{}\t{}\n", BASE64.encode(&root), BASE64.encode(&hashes)));
            open.clear();
            hash = root;
        }
    }
}

/// An event as the backend writes it.
pub(super) fn line(seq: u64, moment: i64) -> String {
    let session = (seq - 1) / EACH;
    let random: Vec<u8> = digest("id", seq)[..10].to_vec();
    let id =
        Builder::from_unix_timestamp_millis(moment.unsigned_abs(), random.as_slice().try_into().unwrap()).into_uuid();
    let (room, participant, at) = (room(session), participant(session), time::rfc3339(moment));
    let (kind, data) = match (seq - 1) % EACH {
        0 => ("token.registered", registered(session, &room, &participant, moment)),
        1 => ("session.consumed", consumed(&room, &participant, &at, moment)),
        2 => ("participant.joined", stay(session, &room, &participant, "joinedAt", &at)),
        _ => ("participant.left", stay(session, &room, &participant, "leftAt", &at)),
    };
    format!(
        r#"{{"specversion":"1.0","id":"{id}","source":"/avanzacast","type":"{kind}","time":"{at}","datacontenttype":"application/json","dataschema":"urn:avanzacast:event:{kind}:1","ledgerseq":"{seq}","data":{data}}}"#
    )
}

fn registered(session: u64, room: &str, participant: &str, moment: i64) -> String {
    let hash = |what: &str| HEXLOWER.encode(&digest(what, session));
    let end = time::rfc3339(moment + 300_000);
    let jti = Builder::from_random_bytes(digest("jti", session)[..16].try_into().unwrap()).into_uuid();
    format!(
        r#"{{"actor":{{"kind":"anonymous"}},"participant":"{participant}","room":"{room}","role":"guest","origin":"minted","issuer":"APIbenchmark","jti":"{jti}","fingerprint":"{}","grants":{{"roomJoin":true,"canPublish":true,"canSubscribe":true,"canPublishData":true}},"nameHash":"{}","expiresAt":"{end}","tokenExpiresAt":"{end}"}}"#,
        hash("fingerprint"),
        hash("name")
    )
}

fn consumed(room: &str, participant: &str, at: &str, moment: i64) -> String {
    let end = time::rfc3339(moment + 43_200_000);
    format!(
        r#"{{"actor":{{"kind":"holder"}},"participant":"{participant}","room":"{room}","consumedAt":"{at}","resumeUntil":"{end}"}}"#
    )
}

fn stay(session: u64, room: &str, participant: &str, end: &str, at: &str) -> String {
    format!(
        r#"{{"actor":{{"kind":"livekit"}},"room":"{room}","roomSid":"RM_{room}","sid":"PA_{session}","participant":"{participant}","{end}":"{at}","source":"webhook"}}"#
    )
}
