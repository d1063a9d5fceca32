//! What a database error means for the work in hand.

use sqlx::Error;
use tokio::task::JoinError;

/// What to do about a failed statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The database is away, or is not taking writes.
    Away,
    /// Somebody else was there at the same time: decide again.
    Contended,
    /// A key is taken. Somebody took it between read and write; or, where nobody else could write, this input wants what
    /// cannot be, and would again.
    Duplicate,
    /// A statement that this input makes fail, and would again.
    Rejected,
}

/// A failed statement.
#[derive(Debug, thiserror::Error)]
#[error("the database failed ({fault:?})")]
pub struct StoreError {
    /// What it means.
    pub fault: Fault,
    #[source]
    source: Error,
}

impl StoreError {
    /// No answer within our own patience.
    pub(crate) fn timed_out() -> Self {
        Self { fault: Fault::Away, source: Error::PoolTimedOut }
    }

    /// Whoever asked the database was stopped, or panicked.
    #[must_use]
    pub fn interrupted(task: JoinError) -> Self {
        Self { fault: Fault::Away, source: Error::Io(task.into()) }
    }

    /// A write that touched other rows than were read.
    pub(crate) fn rows_moved() -> Self {
        Self { fault: Fault::Contended, source: Error::RowNotFound }
    }
}

impl From<Error> for StoreError {
    fn from(source: Error) -> Self {
        Self { fault: classify(&source), source }
    }
}

/// A row that does not look as our own statement made it.
pub(crate) fn unreadable(error: serde_json::Error) -> StoreError {
    StoreError { fault: Fault::Rejected, source: Error::Decode(error.into()) }
}

fn classify(error: &Error) -> Fault {
    let Some(database) = error.as_database_error() else {
        let ours = matches!(
            error,
            Error::Encode(_) | Error::Decode(_) | Error::ColumnDecode { .. } | Error::ColumnNotFound(_)
        );
        // The rest is input and output, TLS, protocol, a closed connection.
        return if ours { Fault::Rejected } else { Fault::Away };
    };
    if database.is_unique_violation() {
        return Fault::Duplicate;
    }
    let code = database.code().unwrap_or_default();
    // https://www.postgresql.org/docs/current/errcodes-appendix.html and https://sqlite.org/rescode.html (extended
    // codes carry the primary one in their low byte).
    if database.try_downcast_ref::<sqlx::postgres::PgDatabaseError>().is_some() {
        return match code.as_ref() {
            // Row counts differ (our own check divides by zero), serialisation, deadlock, lock timeout.
            "22012" | "40001" | "40P01" | "55P03" => Fault::Contended,
            // Cancelled, read-only (a failover), shutting down, starting up.
            "57014" | "25006" | "57P01" | "57P02" | "57P03" | "25P03" | "57P05" => Fault::Away,
            // Connection exceptions, insufficient resources (disk full, too many connections), system errors.
            other if ["08", "53", "58"].iter().any(|class| other.starts_with(class)) => Fault::Away,
            _ => Fault::Rejected,
        };
    }
    match code.parse::<u32>().unwrap_or_default() & 0xff {
        // BUSY, LOCKED
        5 | 6 => Fault::Contended,
        // NOMEM, READONLY, IOERR, CORRUPT, FULL, CANTOPEN, NOTADB
        7 | 8 | 10 | 11 | 13 | 14 | 26 => Fault::Away,
        _ => Fault::Rejected,
    }
}
