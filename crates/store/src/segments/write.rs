//! Making, changing and removing segments.

use domain::audit::{Action, NewEntry};
use domain::segments::Rule;
use domain::{SegmentId, TenantId, Timestamp};
use ports::segments::{RemovedSegment, Segment, SegmentPatch, UpdatedSegment};
use serde_json::json;

use super::row;
use crate::SqlStore;
use crate::db::{self, Fault, clean, micros, time};
use crate::ids::{self, Kind};

pub(super) async fn create(
    store: &SqlStore,
    tenant: TenantId,
    name: &str,
    rule: &Rule,
    at: Timestamp,
) -> Result<Result<Segment, SegmentId>, Fault> {
    let name = clean(name).into_owned();
    let tx = store.begin().await?;
    let id = ids::take_one(&tx, Kind::Segment).await?;
    let sql = "INSERT INTO segments (tenant_id, id, name, rule, created_at, updated_at) \
               VALUES ($1, $2, $3, $4, $5, $5) ON CONFLICT (tenant_id, name) DO NOTHING";
    let values =
        [tenant.0.into(), id.into(), name.as_str().into(), db::to_json(rule)?.into(), micros(at).into()];
    if db::run(&*tx, sql, values).await? == 0 {
        let taken = row::owner(&*tx, tenant, &name).await?;
        return taken.map(Err).ok_or_else(|| Fault::Conflict("the segment in the way is gone".into()));
    }
    let entry = NewEntry::about(Action::SegmentCreated, "segment", id).at(at);
    tx.note(tenant, entry.after(json!({ "name": name, "rule": rule })));
    tx.commit().await?;
    let at = time(micros(at));
    Ok(Ok(Segment { id: SegmentId(id), name, rule: rule.clone(), created_at: at, updated_at: at }))
}

pub(super) async fn update(
    store: &SqlStore,
    tenant: TenantId,
    segment: SegmentId,
    patch: &SegmentPatch,
    at: Timestamp,
) -> Result<UpdatedSegment, Fault> {
    let tx = store.begin().await?;
    let lock = tx.dialect.for_update("s");
    let Some(mut segment) = row::find(&*tx, tenant, segment, &lock).await? else {
        return Ok(UpdatedSegment::NotFound);
    };
    let before = json!({ "name": segment.name, "rule": segment.rule });
    if let Some(name) = &patch.name {
        segment.name = clean(name).into_owned();
        if let Some(other) = row::owner(&*tx, tenant, &segment.name).await?.filter(|id| *id != segment.id) {
            return Ok(UpdatedSegment::Taken(other));
        }
    }
    if let Some(rule) = &patch.rule {
        segment.rule = rule.clone();
    }
    segment.updated_at = segment.updated_at.max(time(micros(at)));
    let sql = "UPDATE segments SET name = $3, rule = $4, updated_at = $5 WHERE tenant_id = $1 AND id = $2";
    let values = [
        tenant.0.into(),
        segment.id.0.into(),
        segment.name.as_str().into(),
        db::to_json(&segment.rule)?.into(),
        micros(segment.updated_at).into(),
    ];
    db::run(&*tx, sql, values).await?;
    let after = json!({ "name": segment.name, "rule": segment.rule });
    let entry = NewEntry::about(Action::SegmentChanged, "segment", segment.id).at(at);
    tx.note(tenant, entry.changed(&before, &after));
    tx.commit().await?;
    Ok(UpdatedSegment::Updated(segment))
}

pub(super) async fn delete(
    store: &SqlStore,
    tenant: TenantId,
    segment: SegmentId,
) -> Result<RemovedSegment, Fault> {
    let tx = store.begin().await?;
    let used = crate::broadcasts::to_begin_with(&tx, tenant, segment).await?;
    if !used.is_empty() {
        return Ok(RemovedSegment::Used(used));
    }
    let sql = "DELETE FROM segments WHERE tenant_id = $1 AND id = $2";
    if db::run(&*tx, sql, [tenant.0.into(), segment.0.into()]).await? == 0 {
        return Ok(RemovedSegment::NotFound);
    }
    tx.note(tenant, NewEntry::about(Action::SegmentDeleted, "segment", segment));
    tx.commit().await?;
    Ok(RemovedSegment::Removed)
}
