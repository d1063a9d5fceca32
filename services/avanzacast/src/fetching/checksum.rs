//! SHA-256, in hexadecimal.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use super::AttemptError;

/// A file's.
pub(crate) fn sha256_of(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok(HEXLOWER.encode(&digest.finalize()));
        }
        digest.update(buffer.get(..read).unwrap_or_default());
    }
}

/// All that `source` gives, if it is what was expected. What is longer than `largest` is not read to its end, and is
/// something else.
pub(crate) fn checked(name: &str, source: impl Read, largest: u64, expected: &str) -> Result<Vec<u8>, AttemptError> {
    let mut bytes = Vec::new();
    source.take(largest).read_to_end(&mut bytes)?;
    let found = HEXLOWER.encode(&Sha256::digest(&bytes));
    if found == expected {
        return Ok(bytes);
    }
    Err(AttemptError::Checksum { name: name.to_owned(), found, expected: expected.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_longer_than_it_may_be_is_something_else() {
        let all = HEXLOWER.encode(&Sha256::digest("bytes"));
        assert_eq!(checked("it", &b"bytes"[..], 5, &all).unwrap(), b"bytes");
        let endless = checked("it", io::repeat(0), 5, &all);
        assert!(matches!(endless, Err(AttemptError::Checksum { .. })), "{endless:?}");
    }
}
