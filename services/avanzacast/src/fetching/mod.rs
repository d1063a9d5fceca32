//! What fetching a file from elsewhere takes, whatever the file: a turn, a desk, a download, a checksum.

mod checksum;
mod download;
mod error;
mod turn;

pub use self::error::AttemptError;
pub(crate) use self::{
    checksum::{checked, sha256_of},
    download::{DOWNLOAD_LIMIT, download},
    turn::Turn,
};
