//! See `ports::segments`.

pub(crate) mod compile;
mod count;
mod row;
mod write;

use async_trait::async_trait;
use domain::segments::Rule;
use domain::{SegmentId, TenantId, Timestamp};
use ports::segments::{Counted, RemovedSegment, Segment, SegmentPatch, SegmentStore, UpdatedSegment};
use ports::{Page, Paging, StoreResult};

use crate::SqlStore;
use crate::db;

#[async_trait]
impl SegmentStore for SqlStore {
    async fn create_segment(
        &self,
        tenant: TenantId,
        name: &str,
        rule: &Rule,
        at: Timestamp,
    ) -> StoreResult<Result<Segment, SegmentId>> {
        Ok(db::again(|| write::create(self, tenant, name, rule, at)).await?)
    }

    async fn segment(&self, tenant: TenantId, segment: SegmentId) -> StoreResult<Option<Segment>> {
        Ok(row::find(self.reader(), tenant, segment, "").await?)
    }

    async fn segments(&self, tenant: TenantId, paging: &Paging) -> StoreResult<Page<Segment>> {
        Ok(row::page(self, tenant, paging).await?)
    }

    async fn update_segment(
        &self,
        tenant: TenantId,
        segment: SegmentId,
        patch: SegmentPatch,
        at: Timestamp,
    ) -> StoreResult<UpdatedSegment> {
        Ok(db::again(|| write::update(self, tenant, segment, &patch, at)).await?)
    }

    async fn delete_segment(&self, tenant: TenantId, segment: SegmentId) -> StoreResult<RemovedSegment> {
        Ok(db::again(|| write::delete(self, tenant, segment)).await?)
    }

    async fn count_contacts(&self, tenant: TenantId, rule: &Rule, now: Timestamp) -> StoreResult<Counted> {
        Ok(count::count(self, tenant, rule, now).await?)
    }
}
