//! Proofs as texts: of inclusion (C2SP tlog-proof, <https://c2sp.org/tlog-proof>), and of consistency (as the body of a
//! request to a witness, C2SP tlog-witness: `old <size>`, the hashes, an empty line, the newer checkpoint).

use avanzacast_worker::ledger::Hash;
use data_encoding::BASE64;
use tlog_tiles::{check_record, check_tree};

use super::checkpoint::hash_line;
use crate::Root;

const MAGIC: &str = "c2sp.org/tlog-proof@v1";
/// More than any tree of ours is high.
const MOST: usize = 64;

/// A proof that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no proof")]
pub struct ProofError;

/// That an event stands in the log whose checkpoint comes with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inclusion {
    /// The event's place; the first is 1.
    pub seq: u64,
    /// From its sibling up.
    pub hashes: Vec<Hash>,
    /// The signed note, as it is.
    pub checkpoint: String,
}

/// That one log is the beginning of another, whose checkpoint comes with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consistency {
    /// The size of the older one.
    pub old: u64,
    /// As RFC 6962, section 2.1.2, has them.
    pub hashes: Vec<Hash>,
    /// The newer one's signed note, as it is.
    pub checkpoint: String,
}

fn text(head: &str, hashes: &[Hash], checkpoint: &str) -> String {
    let lines: String = hashes.iter().map(|hash| hash_line(hash) + "\n").collect();
    format!("{head}\n{lines}\n{checkpoint}")
}

fn hashes<'a>(lines: impl Iterator<Item = &'a str>) -> Result<Vec<Hash>, ProofError> {
    let one = |line: &str| BASE64.decode(line.as_bytes()).ok()?.try_into().ok();
    let hashes: Option<Vec<Hash>> = lines.map(one).collect();
    hashes.filter(|hashes| hashes.len() <= MOST).ok_or(ProofError)
}

/// A number in one spelling.
fn number(text: &str) -> Option<u64> {
    text.parse().ok().filter(|number: &u64| number.to_string() == text)
}

impl Inclusion {
    /// The text of a `.tlog-proof`.
    #[must_use]
    pub fn text(&self) -> String {
        text(&format!("{MAGIC}\nindex {}", self.seq.saturating_sub(1)), &self.hashes, &self.checkpoint)
    }

    /// Reads one.
    ///
    /// # Errors
    /// It is none.
    pub fn read(text: &str) -> Result<Self, ProofError> {
        let (head, checkpoint) = text.split_once("\n\n").ok_or(ProofError)?;
        let mut lines = head.split('\n').peekable();
        if lines.next() != Some(MAGIC) {
            return Err(ProofError);
        }
        lines.next_if(|line| line.starts_with("extra "));
        let index = lines.next().and_then(|line| number(line.strip_prefix("index ")?)).ok_or(ProofError)?;
        Ok(Self {
            seq: index.checked_add(1).ok_or(ProofError)?,
            hashes: hashes(lines)?,
            checkpoint: checkpoint.to_owned(),
        })
    }

    /// Whether an event's hash stands there, in the log of this size with this root.
    #[must_use]
    pub fn holds(&self, event: Hash, size: u64, root: Root) -> bool {
        let Some(index) = self.seq.checked_sub(1).filter(|index| *index < size) else { return false };
        check_record(&theirs(&self.hashes), size, tlog_tiles::Hash(root.0), index, tlog_tiles::Hash(event)).is_ok()
    }
}

impl Consistency {
    /// The text.
    #[must_use]
    pub fn text(&self) -> String {
        text(&format!("old {}", self.old), &self.hashes, &self.checkpoint)
    }

    /// Reads one.
    ///
    /// # Errors
    /// It is none.
    pub fn read(text: &str) -> Result<Self, ProofError> {
        let (head, checkpoint) = text.split_once("\n\n").ok_or(ProofError)?;
        let mut lines = head.split('\n');
        let old = lines.next().and_then(|line| number(line.strip_prefix("old ")?)).ok_or(ProofError)?;
        Ok(Self { old, hashes: hashes(lines)?, checkpoint: checkpoint.to_owned() })
    }

    /// Whether the log of the one size and root is the beginning of that of the other.
    #[must_use]
    pub fn holds(&self, old: Root, size: u64, root: Root) -> bool {
        match self.old {
            // Whatever there is begins with nothing.
            0 => self.hashes.is_empty(),
            from if from > size => false,
            from => {
                let (new, old) = (tlog_tiles::Hash(root.0), tlog_tiles::Hash(old.0));
                check_tree(&theirs(&self.hashes), size, new, from, old).is_ok()
            }
        }
    }
}

fn theirs(hashes: &[Hash]) -> Vec<tlog_tiles::Hash> {
    hashes.iter().copied().map(tlog_tiles::Hash).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The roots and proofs of certificate-transparency's reference tests (transparency-dev/merkle, `testonly`).
    const LEAVES: [&[u8]; 8] = [
        b"",
        b"\x00",
        b"\x10",
        b"\x20\x21",
        b"\x30\x31",
        b"\x40\x41\x42\x43",
        b"\x50\x51\x52\x53\x54\x55\x56\x57",
        b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
    ];

    fn root(size: usize) -> Root {
        let mut frontier = avanzacast_worker::ledger::Frontier::default();
        LEAVES[..size].iter().for_each(|leaf| frontier.append(leaf));
        Root(frontier.root())
    }

    fn hash(hex: &str) -> Hash {
        data_encoding::HEXLOWER.decode(hex.as_bytes()).unwrap().try_into().unwrap()
    }

    #[test]
    fn an_inclusion_is_read_and_checked() {
        let hashes = [
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ];
        let proof = Inclusion { seq: 6, hashes: hashes.map(hash).into(), checkpoint: "a\n8\nb\n\n".to_owned() };
        let again = Inclusion::read(&proof.text()).unwrap();
        assert_eq!(again, proof);
        let event = avanzacast_worker::ledger::leaf(LEAVES[5]);
        assert!(again.holds(event, 8, root(8)));
        assert!(!again.holds(event, 7, root(7)) && !again.holds([0; 32], 8, root(8)));
        assert!(!Inclusion { seq: 5, ..again.clone() }.holds(event, 8, root(8)));
        assert!(!Inclusion { seq: 9, ..again }.holds(event, 8, root(8)));
    }

    #[test]
    fn a_consistency_is_read_and_checked() {
        let hashes = [
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ];
        let proof = Consistency { old: 6, hashes: hashes.map(hash).into(), checkpoint: "a\n8\nb\n\n".to_owned() };
        let again = Consistency::read(&proof.text()).unwrap();
        assert_eq!(again, proof);
        assert!(again.holds(root(6), 8, root(8)));
        assert!(!again.holds(root(5), 8, root(8)) && !again.holds(root(6), 7, root(7)));
    }

    #[test]
    fn what_is_none_is_refused() {
        for none in
            ["", "c2sp.org/tlog-proof@v1\nindex 01\n\n", "c2sp.org/tlog-proof@v1\nindex 0\nAA==\n\nx", "old 1\n"]
        {
            assert_eq!(Inclusion::read(none), Err(ProofError), "{none:?}");
            assert_eq!(Consistency::read(none), Err(ProofError), "{none:?}");
        }
    }
}
