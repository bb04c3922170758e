//! Alerts: when a figure is bad, when it is good again, and when whoever should know is told once more.

pub mod delivery;
pub mod marks;
pub mod rules;

use serde::{Deserialize, Serialize};

/// How bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    Info,
    Warning,
    Critical,
}

impl Severity {
    /// Every one, the least first.
    pub const ALL: [Self; 3] = [Self::Info, Self::Warning, Self::Critical];

    /// The word used on the wire and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }

    /// From the store's word; anything unknown is critical rather than overlooked.
    pub fn from_word(word: &str) -> Self {
        match word {
            "info" => Self::Info,
            "warning" => Self::Warning,
            _ => Self::Critical,
        }
    }
}
