//! How a broadcast goes, and how it went.

use domain::{BroadcastId, TenantId, Timestamp};
use ports::broadcasts::{Broadcast, Results};

use super::{BroadcastError, Broadcasts, later};
use crate::messages::Throttle;

/// Everything that there is to know of a broadcast.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    pub broadcast: Broadcast,
    pub results: Results,
    /// While it is sending and Meta throttles one of its numbers: the one that waits longest.
    pub rate_limit: Option<Throttle>,
    pub progress: Progress,
    /// Why a sending one does not go on at this moment.
    pub waiting_for: Option<Waiting>,
}

/// How fast it goes.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Progress {
    /// Recipients that got their end (sent, failed, in doubt) per second, over the last seconds.
    pub per_second: f64,
    /// Until nobody waits any more; `None`: not sending, or nobody can say.
    pub seconds_left: Option<i64>,
}

/// What a broadcast waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    pub what: WaitingFor,
    /// When it goes on, if that is known.
    pub until: Option<Timestamp>,
}

/// Kinds of waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitingFor {
    /// Meta's limit of new contacts in 24 hours is used up.
    MessagingLimit,
    /// Meta throttles the number.
    RateLimit,
    /// Nobody's time has come: local times, quiet hours.
    DueTime,
}

impl WaitingFor {
    /// The word used on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MessagingLimit => "messaging_limit",
            Self::RateLimit => "rate_limit",
            Self::DueTime => "due_time",
        }
    }
}

impl Broadcasts {
    /// Results, rate limit and progress.
    ///
    /// # Errors
    /// [`BroadcastError::NotFound`], or the store's.
    pub async fn results(&self, tenant: TenantId, broadcast: BroadcastId) -> Result<Report, BroadcastError> {
        let _ = (tenant, broadcast);
        Err(later())
    }
}
