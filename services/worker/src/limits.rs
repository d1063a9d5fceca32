//! Sizes and times of a worker, each with its reason.

use std::time::Duration;

/// Commands in one batch. Measured: PostgreSQL writes 34,000 sessions/s in batches of 128, and hardly more beyond.
pub const BATCH: usize = 256;
/// Commands and queries that may wait in one process, each: about what can be done within a caller's deadline of
/// 5 s on two slow cores. Far below the client library's own limit of 65,536, past which messages are dropped.
pub const WAITING: usize = 8_192;
/// Queries for pages that may wait in one process: a page takes milliseconds, and few people turn them.
pub const PAGES: usize = 256;
/// Batches applied and not yet concluded: one in the making and one in reserve, so that a slow cache is felt.
pub const APPLIED: usize = 2;
/// Messages pulled from a stream at once: a share of a batch, so that callers who wait are not held up by a backlog.
pub const PULL: usize = 64;
/// How long the cache remembers that a session has ended. It must outlive every late write of what was before,
/// which takes seconds; after it the database answers.
pub const END_TTL: Duration = Duration::from_secs(3_600);
/// How often the sweep looks for what has run out.
pub const SWEEP: Duration = Duration::from_secs(1);
/// How often what may be forgotten is deleted.
pub const PRUNE: Duration = Duration::from_secs(30);
