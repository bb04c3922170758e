//! A database of a test's own.

use tempfile::TempDir;
use test_postgres::TestDatabase;

/// A data folder, and the engine that keeps the rest.
pub struct Database {
    pub(crate) folder: TempDir,
    pub(crate) postgres: Option<TestDatabase>,
}

impl Database {
    /// A SQLite file in a folder of its own.
    pub fn sqlite() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder"), postgres: None }
    }

    /// A fresh database in a real PostgreSQL.
    pub fn postgres() -> Self {
        Self { postgres: Some(test_postgres::database()), ..Self::sqlite() }
    }

    /// For messages of tests.
    pub fn name(&self) -> &'static str {
        if self.postgres.is_some() { "PostgreSQL" } else { "SQLite" }
    }

    /// What a command needs to find it.
    pub fn environment(&self) -> Vec<(&str, &str)> {
        self.postgres.iter().map(|database| ("WAXWING_DATABASE_URL", database.url.as_str())).collect()
    }

    /// The data folder.
    pub fn data(&self) -> String {
        self.folder.path().join("data").display().to_string()
    }
}
