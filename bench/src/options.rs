//! What the command line says.

use std::time::Duration;

use clap::{Args, ValueEnum};

/// Options of every benchmark.
#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// On which store
    #[arg(long, value_enum, default_value = "both")]
    store: Choice,
    /// Rounds; each drives every contender once
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) rounds: u32,
    /// Length of a contender's turn in a round
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=60))]
    seconds: u64,
    /// Connections of the load, each with one request at a time
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=512))]
    connections: u16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Choice {
    Sqlite,
    Postgres,
    Both,
}

/// An engine below the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Store {
    Sqlite,
    Postgres,
}

impl Store {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        }
    }
}

impl Options {
    pub(crate) fn stores(&self) -> &'static [Store] {
        match self.store {
            Choice::Sqlite => &[Store::Sqlite],
            Choice::Postgres => &[Store::Postgres],
            Choice::Both => &[Store::Sqlite, Store::Postgres],
        }
    }

    pub(crate) fn turn(&self) -> Duration {
        Duration::from_secs(self.seconds)
    }

    pub(crate) fn connections(&self) -> usize {
        usize::from(self.connections)
    }
}
