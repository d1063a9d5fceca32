//! Checkpoints (C2SP tlog-checkpoint, <https://c2sp.org/tlog-checkpoint>): what the log was, signed.

use data_encoding::BASE64;
use signed_note::{Note, Verifier, VerifierList};

use super::key::{Origin, SigningKey, Vkey};
use crate::Root;

/// What the log was at some size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log's name.
    pub origin: Origin,
    /// Its number of events: the last `ledgerseq`.
    pub size: u64,
    /// The root of its tree.
    pub root: Root,
}

/// A text is no checkpoint, or none that counts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// It cannot be read.
    #[error("this is no checkpoint")]
    Malformed,
    /// It is of another log than the key is.
    #[error("the checkpoint is of the log {found}, the key of {wanted}")]
    Origin {
        /// The key's.
        wanted: Origin,
        /// The checkpoint's.
        found: Origin,
    },
    /// None of the keys signed it as it is.
    #[error("the checkpoint is not signed with this key")]
    Unsigned,
    /// It could not be signed.
    #[error("the checkpoint could not be signed")]
    Signing,
}

impl Checkpoint {
    /// The text that is signed.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, self.root)
    }

    /// The signed note.
    ///
    /// # Errors
    /// None that is known.
    pub fn sign(&self, key: &SigningKey) -> Result<String, CheckpointError> {
        let mut note = Note::new(self.text().as_bytes(), &[]).map_err(|_| CheckpointError::Signing)?;
        note.add_sigs(&[&key.signer]).map_err(|_| CheckpointError::Signing)?;
        String::from_utf8(note.to_bytes()).map_err(|_| CheckpointError::Signing)
    }

    /// Reads a note that one of these keys signed, and says which: the first of them, when there are more. Signatures of
    /// others are passed over, as the format wants it.
    ///
    /// # Errors
    /// It is none, of another log, or not signed.
    pub fn open<'k>(note: &str, keys: &'k [Vkey]) -> Result<(Self, &'k Vkey), CheckpointError> {
        let checkpoint = Self::unverified(note)?;
        let mut known: Vec<Box<dyn Verifier>> = Vec::new();
        for key in keys {
            if *key.origin() != checkpoint.origin {
                return Err(CheckpointError::Origin { wanted: key.origin().clone(), found: checkpoint.origin });
            }
            known.push(Box::new(key.verifier().map_err(|_| CheckpointError::Unsigned)?));
        }
        let note = Note::from_bytes(note.as_bytes()).map_err(|_| CheckpointError::Malformed)?;
        let (signatures, _) = note.verify(&VerifierList::new(known)).map_err(|_| CheckpointError::Unsigned)?;
        // Each key here is of the log that the note names.
        let signed = |key: &&Vkey| {
            let id = key.verifier().map(|verifier| verifier.key_id());
            signatures.iter().any(|signature| id == Ok(signature.id()))
        };
        Ok((checkpoint, keys.iter().find(signed).ok_or(CheckpointError::Unsigned)?))
    }

    /// Reads a note without asking who signed it.
    ///
    /// # Errors
    /// It is none.
    pub fn unverified(note: &str) -> Result<Self, CheckpointError> {
        let note = Note::from_bytes(note.as_bytes()).map_err(|_| CheckpointError::Malformed)?;
        let text = tlog_tiles::Checkpoint::from_bytes(note.text()).map_err(|_| CheckpointError::Malformed)?;
        let origin = text.origin().parse().map_err(|_| CheckpointError::Malformed)?;
        Ok(Self { origin, size: text.size(), root: Root(text.hash().0) })
    }
}

/// A hash as a line of these formats has it.
pub(super) fn hash_line(hash: &[u8; 32]) -> String {
    BASE64.encode(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed(size: u64) -> (SigningKey, Checkpoint, String) {
        let origin: Origin = "studio.example.com/ledger".parse().unwrap();
        let key = SigningKey::generate(&origin).unwrap();
        let checkpoint = Checkpoint { origin, size, root: Root([7; 32]) };
        let note = checkpoint.sign(&key).unwrap();
        (key, checkpoint, note)
    }

    #[test]
    fn what_was_signed_is_read_again() {
        let (key, checkpoint, note) = signed(12);
        let older = signed(12).0.vkey().clone();
        let keys = [older, key.vkey().clone()];
        for keys in [&keys[..], &keys[1..]] {
            assert_eq!(Checkpoint::open(&note, keys), Ok((checkpoint.clone(), key.vkey())));
        }
        assert!(
            note.starts_with("studio.example.com/ledger\n12\n") && note.contains("\n\n\u{2014} studio.example.com")
        );
    }

    #[test]
    fn whoever_did_not_sign_it_and_what_was_not_signed_does_not_count() {
        let (key, _, note) = signed(12);
        let (other, ..) = signed(12);
        let keys = [key.vkey().clone()];
        assert_eq!(Checkpoint::open(&note, &[other.vkey().clone()]), Err(CheckpointError::Unsigned));
        assert_eq!(Checkpoint::open(&note.replace("\n12\n", "\n13\n"), &keys), Err(CheckpointError::Unsigned));
        assert_eq!(Checkpoint::open(&note.replace("\n12\n", "\n012\n"), &keys), Err(CheckpointError::Malformed));
        assert_eq!(Checkpoint::open(&note, &[]), Err(CheckpointError::Unsigned));
        let foreign = SigningKey::generate(&"else".parse().unwrap()).unwrap();
        assert!(matches!(Checkpoint::open(&note, &[foreign.vkey().clone()]), Err(CheckpointError::Origin { .. })));
        for none in ["", "a\n1\n", "a\nb\nc\n\n"] {
            assert_eq!(Checkpoint::open(none, &keys), Err(CheckpointError::Malformed), "{none:?}");
        }
    }
}
