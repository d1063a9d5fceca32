//! LiveKit's client for browsers: one ES module, which the studio page cannot do without.
//!
//! It is npm's package `livekit-client` in one version, told by its SHA-256 wherever it comes from and each time it is
//! read. It lies in the file that `LIVEKIT_CLIENT` names, which an image brings along, or in
//! `DATA_DIR/livekit-client/`, where it is fetched to: by npm, else from a network that delivers npm's packages file by
//! file. A rename puts it there, so nobody sees a part of it.

mod error;
mod fetch;
mod keep;
mod place;

use std::path::PathBuf;

use bytes::Bytes;

pub use self::{
    error::ClientError,
    fetch::Source,
    keep::{Fetching, Pace, keep_ready, keep_ready_at},
    place::Place,
};
pub use crate::fetching::AttemptError;

/// The release.
pub const VERSION: &str = "2.23.0";

/// The SHA-256 of the package as npm has it.
pub const PACKAGE_SHA256: &str = "993eafb83afb4c566bb388108ad6469bf499d76200014c96c35fe3b39fee859d";

/// The SHA-256 of the module in it.
pub const MODULE_SHA256: &str = "053820ce316a0d9881e54d4745eeb45b96575c05d3591a214f318168336e1367";

/// What it is called, by npm and by us.
const NAME: &str = "livekit-client";

/// The module in its package.
const MODULE: &str = "dist/livekit-client.esm.mjs";

/// The largest module that is read, bytes: five times what it is.
const LARGEST: u64 = 8 * 1024 * 1024;

/// The module, which is what it should be, and where it was read.
#[derive(Debug, Clone)]
pub struct Module {
    /// Where it lies.
    pub path: PathBuf,
    /// All of it.
    pub bytes: Bytes,
}
