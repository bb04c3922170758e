//! See `ports::lanes`.

mod claim;
mod hours;
mod lease;
mod outcomes;
mod queue;
mod refused;

use async_trait::async_trait;
use domain::messages::Status;
use domain::{ConnectionId, MessageId, TenantId, Timestamp};
use ports::StoreResult;
use ports::lanes::{Claim, LaneStore, Lease, Outcome, PaceState, QueueStats, TakenLane};

use crate::db::{SqlStore, again};

#[async_trait]
impl LaneStore for SqlStore {
    async fn take_lane(
        &self,
        tenant: TenantId,
        connection: ConnectionId,
        holder: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> StoreResult<Option<TakenLane>> {
        Ok(again(|| lease::take(self, tenant, connection, holder, now, until)).await?)
    }

    async fn renew_lane(&self, lease: &Lease, until: Timestamp, pace: &PaceState) -> StoreResult<bool> {
        Ok(again(|| lease::renew(self, lease, until, pace)).await?)
    }

    async fn release_lane(&self, lease: &Lease, pace: &PaceState) -> StoreResult<()> {
        Ok(again(|| lease::release(self, lease, pace)).await?)
    }

    async fn claim_due(&self, lease: &Lease, limit: u32, now: Timestamp) -> StoreResult<Claim> {
        Ok(again(|| claim::due(self, lease, limit, now)).await?)
    }

    async fn record_outcomes(
        &self,
        lease: &Lease,
        outcomes: Vec<Outcome>,
    ) -> StoreResult<Vec<(MessageId, Status)>> {
        Ok(again(|| outcomes::record(self, lease, &outcomes)).await?)
    }

    async fn kept_pace(&self, tenant: TenantId, connection: ConnectionId) -> StoreResult<Option<PaceState>> {
        Ok(lease::pace(self, tenant, connection).await?)
    }

    async fn queue_stats(
        &self,
        tenant: TenantId,
        connection: ConnectionId,
        now: Timestamp,
    ) -> StoreResult<QueueStats> {
        Ok(queue::stats(self, tenant, connection, now).await?)
    }
}
