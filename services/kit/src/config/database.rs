//! Which database.

use std::path::{Path, PathBuf};

use super::Variables;
use crate::Secret;

/// The database that holds state and ledger.
#[derive(Debug, Clone)]
pub enum DatabaseConfig {
    /// A PostgreSQL server; the URL may hold a password.
    Postgres(Secret),
    /// A file, for one process.
    Sqlite(PathBuf),
}

impl DatabaseConfig {
    /// Reads `DATABASE_URL`; unset means a file in the data folder.
    pub fn read(variables: &mut Variables, data_dir: &Path) -> Self {
        let Some(url) = variables.text("DATABASE_URL") else {
            return Self::Sqlite(data_dir.join("avanzacast.db"));
        };
        if let Some(path) = url.strip_prefix("sqlite://").or_else(|| url.strip_prefix("sqlite:")) {
            return Self::Sqlite(PathBuf::from(path));
        }
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            variables.problem("DATABASE_URL must begin with postgres:// (or be unset, for the embedded SQLite)");
        }
        Self::Postgres(Secret::new(url))
    }

    /// The same, for a role in a process of its own: several processes cannot share the embedded database.
    pub fn read_shared(variables: &mut Variables, data_dir: &Path) -> Self {
        let database = Self::read(variables, data_dir);
        if matches!(database, Self::Sqlite(_)) {
            variables.problem(
                "DATABASE_URL is required: the embedded SQLite serves one process (`avanzacast up`); \
                 roles in processes of their own need PostgreSQL",
            );
        }
        database
    }
}
