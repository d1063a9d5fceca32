//! The state that events determine, as one hash.
//!
//! SHA-256 over lines, each a JSON array of texts and nulls with a line feed after it: the table's name, then its columns
//! as [`SECTIONS`] lists them; sections in that order, rows by their first column, byte by byte. What is in no event is
//! left out: people's values and what they are compared by, salts, session ids, tokens and what is known of their texts,
//! consumers' keys, from when on a token is good, and of somebody's stay whether the token was known, and whom a
//! registration that came later says that it was. So is a stay that never began (a connection that came to nothing is no
//! event), and what may have been forgotten at the moment asked about, because it ended a week before.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, BufWriter, Lines, Seek, SeekFrom, Write},
};

use avanzacast_worker::store::{Look, Sql, Texts};
use data_encoding::HEXLOWER;
use sha2::{Digest as _, Sha256};

use super::RebuildError;

/// Tables and columns; the parameter is the moment.
const SECTIONS: [(&str, Sql); 5] = [
    (
        "account",
        Sql {
            postgres: "SELECT id::text, is_admin::text, created_at::text FROM account WHERE $1::bigint IS NOT NULL
                ORDER BY id::text COLLATE \"C\"",
            sqlite: "SELECT CAST(id AS TEXT), CAST(is_admin AS TEXT), CAST(created_at AS TEXT) FROM account
                WHERE ?1 IS NOT NULL ORDER BY CAST(id AS TEXT)",
        },
    ),
    (
        "broadcast",
        Sql {
            postgres: "SELECT id, owner_id::text, status, created_at::text, started_at::text, ended_at::text
                FROM broadcast WHERE $1::bigint IS NOT NULL ORDER BY id COLLATE \"C\"",
            sqlite: "SELECT id, CAST(owner_id AS TEXT), status, CAST(created_at AS TEXT), CAST(started_at AS TEXT),
                CAST(ended_at AS TEXT) FROM broadcast WHERE ?1 IS NOT NULL ORDER BY id",
        },
    ),
    (
        "room",
        Sql {
            postgres: "SELECT sid, name, started_at::text, finished_at::text, forget_at::text FROM room
                WHERE forget_at IS NULL OR forget_at > $1 ORDER BY sid COLLATE \"C\"",
            sqlite: "SELECT sid, name, CAST(started_at AS TEXT), CAST(finished_at AS TEXT), CAST(forget_at AS TEXT)
                FROM room WHERE forget_at IS NULL OR forget_at > ?1 ORDER BY sid",
        },
    ),
    (
        "stay",
        Sql {
            postgres: "SELECT sid, room, room_sid, CASE WHEN identity_hash IS NULL THEN participant END, identity_hash,
                    joined_at::text, left_at::text, forget_at::text
                FROM presence WHERE joined_at IS NOT NULL AND (forget_at IS NULL OR forget_at > $1)
                ORDER BY sid COLLATE \"C\"",
            sqlite: "SELECT sid, room, room_sid, CASE WHEN identity_hash IS NULL THEN participant END, identity_hash,
                    CAST(joined_at AS TEXT), CAST(left_at AS TEXT), CAST(forget_at AS TEXT)
                FROM presence WHERE joined_at IS NOT NULL AND (forget_at IS NULL OR forget_at > ?1) ORDER BY sid",
        },
    ),
    (
        "session",
        Sql {
            postgres: "SELECT participant, room, role, origin, single_use::text, state, ttl::text, created_at::text,
                    expires_at::text, jti, exp::text, consumed_at::text, resume_until::text, due_at::text,
                    broadcast_id, created_by::text
                FROM session WHERE state = 'open' OR due_at > $1 ORDER BY participant COLLATE \"C\"",
            sqlite: "SELECT participant, room, role, origin, CAST(single_use AS TEXT), state, CAST(ttl AS TEXT),
                    CAST(created_at AS TEXT), CAST(expires_at AS TEXT), jti, CAST(exp AS TEXT),
                    CAST(consumed_at AS TEXT), CAST(resume_until AS TEXT), CAST(due_at AS TEXT), broadcast_id,
                    CAST(created_by AS TEXT)
                FROM session WHERE state = 'open' OR due_at > ?1 ORDER BY participant",
        },
    ),
];

/// The state that events determine, at some moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digest {
    /// How many rows.
    pub rows: u64,
    /// Lower-case hex.
    pub sha256: String,
}

/// Gives every line to a receiver, which says whether it wants more of them, and the digest of all.
async fn digest(
    look: &mut Look,
    at: i64,
    mut give: impl FnMut(&str) -> io::Result<()>,
) -> Result<Digest, RebuildError> {
    let (mut hash, mut rows, mut given) = (Sha256::new(), 0, Ok(()));
    for (name, sql) in SECTIONS {
        look.rows(sql, at, |row| {
            let line = line(name, row);
            hash.update(&line);
            hash.update(b"\n");
            rows += 1;
            given = give(&line);
            given.is_ok()
        })
        .await?;
        std::mem::replace(&mut given, Ok(()))?;
    }
    Ok(Digest { rows, sha256: HEXLOWER.encode(&hash.finalize()) })
}

fn line(name: &str, row: Texts) -> String {
    let cells = std::iter::once(serde_json::Value::from(name)).chain(row.into_iter().map(serde_json::Value::from));
    serde_json::Value::Array(cells.collect()).to_string()
}

/// A state that was read, to be compared with another: its lines are in a file that has no name.
#[derive(Debug)]
pub struct Taken {
    /// Of the whole of it.
    pub digest: Digest,
    lines: File,
}

impl Taken {
    /// Reads state as one look sees it.
    ///
    /// # Errors
    /// The database is away, or the file does not take it.
    pub async fn of(look: &mut Look, at: i64) -> Result<Self, RebuildError> {
        let mut file = BufWriter::new(tempfile::tempfile()?);
        let digest = digest(look, at, |line| writeln!(file, "{line}")).await?;
        let mut lines = file.into_inner().map_err(io::IntoInnerError::into_error)?;
        lines.seek(SeekFrom::Start(0))?;
        Ok(Self { digest, lines })
    }

    /// Reads another, and answers its digest, and the first line in which the two differ: as this one has it, and as the
    /// other one does.
    ///
    /// # Errors
    /// As above.
    pub async fn compare(self, look: &mut Look, at: i64) -> Result<(Digest, Option<Difference>), RebuildError> {
        let mut ours = BufReader::new(self.lines).lines();
        let mut found: Option<Difference> = None;
        let digest = digest(look, at, |theirs| {
            if found.is_none() {
                found = differs(&mut ours, Some(theirs))?;
            }
            Ok(())
        })
        .await?;
        let found = match found {
            Some(found) => Some(found),
            None => differs(&mut ours, None)?,
        };
        Ok((digest, found))
    }
}

/// The digest of a state that is compared with nothing.
///
/// # Errors
/// The database is away.
pub async fn digest_of(look: &mut Look, at: i64) -> Result<Digest, RebuildError> {
    digest(look, at, |_| Ok(())).await
}

/// A line of either state; none where it has no more.
pub type Difference = (Option<String>, Option<String>);

fn differs(ours: &mut Lines<BufReader<File>>, theirs: Option<&str>) -> io::Result<Option<Difference>> {
    let ours = ours.next().transpose()?;
    Ok((ours.as_deref() != theirs).then(|| (ours, theirs.map(str::to_owned))))
}
