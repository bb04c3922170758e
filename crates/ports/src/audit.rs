//! The audit trail, and who is acting.
//!
//! Whoever lets somebody in says so once, by [`acting`]: what is done within is done by that actor, however deep. It
//! goes with the task, not with what the task spawns: what runs on by itself is the server's own doing.

use async_trait::async_trait;
use domain::audit::verify::{Known, Verdict};
use domain::audit::{Action, Actor, Found, NewEntry};
use domain::{TenantId, Timestamp};

use crate::{Page, Paging, StoreResult};

tokio::task_local! {
    static ACTING: Actor;
}

/// Runs `work` as done by `actor`.
pub async fn acting<F: Future>(actor: Actor, work: F) -> F::Output {
    ACTING.scope(actor, work).await
}

/// Who is acting in this task; the server itself when nobody said so.
pub fn current() -> Actor {
    ACTING.try_with(Clone::clone).unwrap_or_default()
}

/// Which entries are wanted; `None`: any.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AuditFilter {
    pub action: Option<Action>,
    /// Kind of actor, or kind and id: `api_key:3`, `command`.
    pub actor: Option<String>,
    /// `contact:7`, or a kind of subjects: `contact`.
    pub subject: Option<String>,
    /// At this time or later.
    pub since: Option<Timestamp>,
    /// Before this time.
    pub until: Option<Timestamp>,
}

/// What became of a tenant's entries that waited for their place in the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sealed {
    /// They have it; this is the end of the chain now.
    Head(TenantId, Known),
    /// They cannot get one before somebody has looked: the chain's head or key was tampered with, in these words.
    Stuck(TenantId, String),
}

/// Verbs on the audit trail. Entries are kept by the verbs of the other columns, in the commit of what they tell of;
/// nothing changes or removes one.
#[async_trait]
pub trait AuditStore: Send + Sync {
    /// Keeps entries of what changes nothing in the store (an export), in one commit.
    async fn record_audit(&self, tenant: TenantId, entries: Vec<NewEntry>) -> StoreResult<()>;
    /// Gives entries that wait their places in the chains, in the order in which they were kept; one commit per tenant,
    /// at most about `limit` entries each, of this tenant or of all. Two who seal at once do not seal twice. `fresh`: 32 random
    /// bytes that keys of new chains are made from. Answers the tenants that had something to seal.
    async fn seal_audit(
        &self,
        tenant: Option<TenantId>,
        fresh: [u8; 32],
        now: Timestamp,
        limit: u32,
    ) -> StoreResult<Vec<Sealed>>;
    /// Newest first; those that wait for their place are not in it. One that cannot be read is told as what is left of
    /// it, and keeps no other from being listed.
    async fn audit(
        &self,
        tenant: TenantId,
        filter: &AuditFilter,
        paging: &Paging,
    ) -> StoreResult<Page<Found>>;
    /// Entries behind the one with number `after` (0: from the start), in their order, at most `limit`. One whose number
    /// cannot be read comes behind all others.
    async fn audit_after(&self, tenant: TenantId, after: i64, limit: u32) -> StoreResult<Vec<Found>>;
    /// Walks along the whole chain as of one moment, in pages. `known`: the end of the chain as it was seen before.
    async fn verify_audit(&self, tenant: TenantId, known: Option<Known>) -> StoreResult<Verdict>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn whoever_is_acting_is_known_within_and_the_server_acts_by_itself() {
        assert_eq!(current(), Actor::system());
        let key = Actor::api_key(3, "shop");
        let seen = acting(key.clone(), async {
            tokio::task::yield_now().await;
            let spawned = tokio::spawn(async { current() }).await.unwrap();
            (current(), spawned)
        });
        assert_eq!(seen.await, (key, Actor::system()));
        assert_eq!(current(), Actor::system());
    }
}
