//! How a store fails.

/// A store either cannot be reached now, or is broken; everything else is a result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Try again later: connection lost, pool exhausted, disk full, lock timed out.
    #[error("the store is not available: {0}")]
    Unavailable(String),
    /// A defect: a statement that should never fail did.
    #[error("the store failed: {0}")]
    Internal(String),
}
