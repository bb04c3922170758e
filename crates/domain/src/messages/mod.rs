//! Messages: what they hold, how their status moves, whether they may be sent, what to do when Meta says no.

pub mod content;
pub mod gate;
pub mod lattice;
pub mod retry;

use serde::{Deserialize, Serialize};

pub use content::Content;
pub use lattice::Status;

/// Which way a message went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// From the customer.
    Inbound,
    /// To the customer.
    Outbound,
}

impl Direction {
    /// The word used on the wire and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Inbound => "inbound",
            Self::Outbound => "outbound",
        }
    }
}

/// Who goes first when a number can only send so much: a smaller value is sent earlier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(i16)]
pub enum Priority {
    /// An answer inside an open window, and confirmations of consent words.
    Reply = 0,
    /// A single business-initiated message.
    Transactional = 1,
    /// A broadcast.
    Bulk = 2,
}

impl Priority {
    /// From the number kept in the store; anything unknown goes last.
    pub fn from_rank(rank: i16) -> Self {
        match rank {
            0 => Self::Reply,
            1 => Self::Transactional,
            _ => Self::Bulk,
        }
    }
}
