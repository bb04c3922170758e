//! Duties: what one node does for all of them, as long as it lives.

use async_trait::async_trait;
use domain::Timestamp;

use crate::StoreResult;

/// What is done by one node at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Duty {
    /// Judging every tenant's figures, and telling what got worse.
    AlertWatch,
}

impl Duty {
    /// The store's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AlertWatch => "alert_watch",
        }
    }
}

/// Verbs on duties.
#[async_trait]
pub trait DutyStore: Send + Sync {
    /// Takes a duty until `until` when nobody has it, its time ran out, or `holder` itself has it; true when it is
    /// `holder`'s now. Of many who ask at once, one gets it; whom another one keeps from it costs one read.
    async fn take_duty(
        &self,
        duty: Duty,
        holder: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> StoreResult<bool>;
    /// Gives a duty back; one that is another's is left alone.
    async fn release_duty(&self, duty: Duty, holder: &str) -> StoreResult<()>;
}
