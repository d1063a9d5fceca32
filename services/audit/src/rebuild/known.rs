//! A checkpoint that somebody kept, as far as it says what a ledger was.

use avanzacast_worker::store::{Look, Sql, StoreError};
use signed_note::{Note, NoteError, StandardVerifier, VerifierError, VerifierList};

use crate::Root;

/// The checkpoint that was signed last by this database.
const LAST: Sql = Sql {
    postgres: "SELECT note FROM checkpoint WHERE $1::bigint IS NOT NULL ORDER BY size DESC LIMIT 1",
    sqlite: "SELECT note FROM checkpoint WHERE ?1 IS NOT NULL ORDER BY size DESC LIMIT 1",
};

/// A checkpoint (C2SP tlog-checkpoint): which root a ledger had at which size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// The ledger's name.
    pub origin: String,
    /// Its number of events.
    pub size: u64,
    /// Its root.
    pub root: Root,
    /// All of it, with its signatures.
    pub note: String,
}

/// A checkpoint that says nothing.
#[derive(Debug, thiserror::Error)]
pub enum NotKnown {
    /// It is none.
    #[error("it is no checkpoint: origin, size and root should be its first lines")]
    NoCheckpoint,
    /// The key is none.
    #[error("the key is no public key as `audit key` prints it")]
    Key(#[from] VerifierError),
    /// Somebody else signed it, or something else.
    #[error("the checkpoint is not signed with this key")]
    Unsigned(#[from] NoteError),
}

impl Known {
    /// Reads one, and when there is a key, checks that it signed it.
    ///
    /// # Errors
    /// It is no checkpoint, or not one of this key's.
    pub fn read(note: &str, vkey: Option<&str>) -> Result<Self, NotKnown> {
        if let Some(vkey) = vkey {
            let verifier = StandardVerifier::new(vkey)?;
            Note::from_bytes(note.as_bytes())?.verify(&VerifierList::new(vec![Box::new(verifier)]))?;
        }
        let mut lines = note.lines();
        let mut next = || lines.next().filter(|line| !line.is_empty()).ok_or(NotKnown::NoCheckpoint);
        let (origin, size, root) = (next()?.to_owned(), next()?, next()?);
        let size = size.parse().map_err(|_| NotKnown::NoCheckpoint)?;
        let root = root.parse().map_err(|_| NotKnown::NoCheckpoint)?;
        Ok(Self { origin, size, root, note: note.to_owned() })
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
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of golang.org/x/mod/sumdb/note, its key and its note.
    const VKEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    const NOTE: &str = "If you think cryptography is the answer to your problem,\n\
        then you don't know what your problem is.\n\n\
        — PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

    #[test]
    fn a_checkpoint_is_read_and_what_is_none_is_not() {
        let root = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
        let known = Known::read(&format!("studio.example.com/ledger\n12\n{root}\n\n— x AAAA\n"), None).unwrap();
        assert_eq!(
            (known.origin.as_str(), known.size, known.root.to_string()),
            ("studio.example.com/ledger", 12, root.to_owned())
        );
        for other in ["", "a\n12\n", "a\n-1\n47DEQ\n", &format!("a\n\n{root}\n"), &format!("a\nx\n{root}\n")] {
            assert!(Known::read(other, None).is_err(), "{other}");
        }
    }

    #[test]
    fn a_note_of_another_key_or_another_text_is_refused() {
        // It is no checkpoint, but signed: the signature is looked at first.
        assert!(matches!(Known::read(NOTE, Some(VKEY)), Err(NotKnown::NoCheckpoint)));
        let changed = NOTE.replace("answer", "Answer");
        assert!(matches!(Known::read(&changed, Some(VKEY)), Err(NotKnown::Unsigned(_))));
        assert!(matches!(Known::read(NOTE, Some("x")), Err(NotKnown::Key(_))));
    }
}
