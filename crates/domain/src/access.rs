//! Access: what an API key may do, and what a member may.

pub mod people;
pub mod permissions;
pub mod roles;
pub mod throttle;

use serde::{Deserialize, Serialize};

/// What a key may do. Each scope stands alone: `manage` does not include `send`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Look at everything but secrets.
    Read,
    /// Send messages, mark read, answer conversations.
    Send,
    /// Change contacts, templates, connections, keys, settings.
    Manage,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 3] = [Self::Read, Self::Send, Self::Manage];

    /// The word used on the wire and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Send => "send",
            Self::Manage => "manage",
        }
    }
}

impl std::str::FromStr for Scope {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "read" => Ok(Self::Read),
            "send" => Ok(Self::Send),
            "manage" => Ok(Self::Manage),
            other => Err(format!("\"{other}\" is not a scope; use read, send or manage")),
        }
    }
}
