//! Idempotency keys of calls other than sends (a send's key is part of its own commit, see `messages`).

use async_trait::async_trait;
use domain::{TenantId, Timestamp};

use crate::StoreResult;

/// An answer that was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptAnswer {
    pub status: u16,
    pub body: Vec<u8>,
}

/// What came of reserving a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reserved {
    /// First use: do the work, then [`IdempotencyStore::keep_answer`].
    Fresh,
    /// Done before: give this answer again.
    Answered(KeptAnswer),
    /// Another call with this key is at work right now.
    InProgress,
    /// The key was used with another body.
    OtherBody,
}

/// Verbs on idempotency keys; a key lives 24 h.
#[async_trait]
pub trait IdempotencyStore: Send + Sync {
    /// Reserves a key for a request with this SHA-256; atomic against others with the same key. A reservation
    /// without an answer is free again 60 s after it was made (its caller died).
    async fn reserve_key(
        &self,
        tenant: TenantId,
        key: &str,
        request: [u8; 32],
        at: Timestamp,
    ) -> StoreResult<Reserved>;
    /// Keeps the answer.
    async fn keep_answer(
        &self,
        tenant: TenantId,
        key: &str,
        answer: KeptAnswer,
        at: Timestamp,
    ) -> StoreResult<()>;
    /// Forgets a reservation whose work failed in a way that may be repeated (5xx).
    async fn release_key(&self, tenant: TenantId, key: &str) -> StoreResult<()>;
}
