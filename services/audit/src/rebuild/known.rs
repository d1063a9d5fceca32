//! A checkpoint that somebody kept, as far as it says what a ledger was.

use avanzacast_worker::store::{Look, Session, Sql, StoreError};

use crate::{
    Root,
    log::{Checkpoint, CheckpointError, Tree, TreeError, Vkey},
};

/// The checkpoint that was signed last by this database.
const LAST: Sql = Sql {
    postgres: "SELECT note FROM checkpoint WHERE $1::bigint IS NOT NULL ORDER BY size DESC LIMIT 1",
    sqlite: "SELECT note FROM checkpoint WHERE ?1 IS NOT NULL ORDER BY size DESC LIMIT 1",
};

/// A checkpoint, and the note that it was read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// What it says.
    pub checkpoint: Checkpoint,
    /// All of it, with its signatures.
    pub note: String,
}

impl Known {
    /// Reads one, and when there is a key, checks that it signed it.
    ///
    /// # Errors
    /// It is no checkpoint, or not one of this key's.
    pub fn read(note: &str, vkey: Option<&Vkey>) -> Result<Self, CheckpointError> {
        let checkpoint = match vkey {
            Some(vkey) => Checkpoint::open(note, std::slice::from_ref(vkey))?.0,
            None => Checkpoint::unverified(note)?,
        };
        Ok(Self { checkpoint, note: note.to_owned() })
    }

    /// The one that a database signed last, if it ever did.
    ///
    /// # Errors
    /// The database is away.
    pub async fn last(look: &mut Look) -> Result<Option<Self>, StoreError> {
        let mut found = None;
        look.rows(LAST, 0, |row| {
            found = row.into_iter().flatten().next();
            false
        })
        .await?;
        // One that cannot be read says nothing.
        Ok(found.and_then(|note| Self::read(&note, None).ok()))
    }

    /// The root that a ledger has at the checkpoint's size, if that is another one. Where it cannot be told any more,
    /// because tiles are still to be made, nothing is found.
    ///
    /// # Errors
    /// The database is away.
    pub async fn contradicts(&self, session: &mut Session) -> Result<Option<Root>, StoreError> {
        match Tree::new(session).root(self.checkpoint.size).await {
            Ok(root) => Ok((root != self.checkpoint.root).then_some(root)),
            Err(TreeError::Store(error)) => Err(error),
            Err(TreeError::Short(_) | TreeError::Damaged(_) | TreeError::Contradicts(_)) => Ok(None),
        }
    }
}
