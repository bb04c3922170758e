//! Meta's limit on new contacts: how many people a portfolio may write to first within any 24 hours. Source: Meta,
//! "Messaging limits". We keep to it ourselves: whoever runs into Meta's refusals loses quality on top.

use domain::connections::daily_limit;
use domain::{ConnectionId, SignedDuration, TenantId, Timestamp};
use ports::{Store, StoreResult};

use crate::directory::Listing;

/// What the limit counts.
pub(super) const DAY: SignedDuration = SignedDuration::from_hours(24);
/// Steps in which the moment is searched at which there is room again: to a few seconds within a day.
const STEPS: u32 = 15;

/// A portfolio's limit, as far as it is known: the numbers of one account share it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Portfolio {
    pub(super) limit: i64,
    pub(super) connections: Vec<ConnectionId>,
}

impl Portfolio {
    /// Of one of its numbers; `None`: there is no limit, or nobody knows it.
    pub(super) fn of(listing: &Listing, tenant: TenantId, waba_id: &str) -> Option<Self> {
        let ours: Vec<_> = listing
            .by_account(waba_id)
            .filter(|entry| entry.connection.tenant_id == tenant)
            .map(|entry| &entry.connection)
            .collect();
        let tiers = ours.iter().filter_map(|connection| connection.messaging_limit.as_deref());
        // The limit is the portfolio's; a number that was linked earlier may still say the old one.
        let limit = tiers.map(daily_limit).collect::<Option<Vec<_>>>()?.into_iter().max()?;
        Some(Self { limit, connections: ours.iter().map(|connection| connection.id).collect() })
    }

    /// How many were written to first within the 24 hours before that moment. What is queued counts already.
    pub(super) async fn used(&self, store: &dyn Store, tenant: TenantId, at: Timestamp) -> StoreResult<i64> {
        let since = at.checked_sub(DAY).unwrap_or(Timestamp::MIN);
        store.initiated_since(tenant, &self.connections, since).await
    }

    /// When there is room again for so many: what was written to first 24 hours before gives it back.
    pub(super) async fn room_at(
        &self,
        store: &dyn Store,
        tenant: TenantId,
        now: Timestamp,
        wanted: i64,
    ) -> StoreResult<Timestamp> {
        let enough = self.limit - wanted.clamp(1, self.limit.max(1));
        let (mut low, mut high) = (SignedDuration::ZERO, DAY + SignedDuration::from_secs(1));
        for _ in 0..STEPS {
            let middle = low + (high - low) / 2;
            let at = now.checked_add(middle).unwrap_or(Timestamp::MAX);
            if self.used(store, tenant, at).await? <= enough { high = middle } else { low = middle }
        }
        Ok(now.checked_add(high).unwrap_or(Timestamp::MAX))
    }

    /// How many are worth waiting for: a tenth of the limit, so that a day's rest is not sent one by one.
    pub(super) fn worth(&self) -> i64 {
        (self.limit / 10).max(1)
    }
}
