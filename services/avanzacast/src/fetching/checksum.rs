//! SHA-256, in hexadecimal.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

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
