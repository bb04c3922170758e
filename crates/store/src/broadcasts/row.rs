//! A broadcast's row.

use domain::broadcasts::State;
use domain::{ApiKeyId, BroadcastId, ListId, SegmentId, TenantId};
use ports::broadcasts::{Broadcast, Counts};
use sea_orm::{ConnectionTrait, QueryResult};

use super::counts;
use crate::db::{self, Fault, Row, SqlStore, Tx};

/// The columns that [`from_row`] reads, out of `broadcasts b`.
pub(super) const COLUMNS: &str = "b.tenant_id AS tenant_id, b.id AS id, b.name AS name, b.state AS state, \
     b.reason AS reason, b.plan AS plan, b.meant AS meant, b.version AS version, b.list_id AS list_id, b.category AS category, b.recurs_from AS recurs_from, \
     b.starts_at AS starts_at, b.frozen AS frozen, b.created_by AS created_by, b.created_at AS created_at, \
     b.updated_at AS updated_at, b.started_at AS started_at, b.finished_at AS finished_at";

/// A broadcast out of [`COLUMNS`], its counts not yet known.
pub(super) fn from_row(row: &QueryResult) -> Result<Broadcast, Fault> {
    let category = row.get::<Option<String>>("category")?;
    Ok(Broadcast {
        id: BroadcastId(row.get("id")?),
        tenant_id: TenantId(row.get("tenant_id")?),
        name: row.get("name")?,
        state: row.word("state")?,
        reason: row.json_opt("reason")?,
        plan: row.json("plan")?,
        meant: row.json_opt("meant")?,
        version: row.get("version")?,
        list: row.get::<Option<i64>>("list_id")?.map(ListId),
        category: category.as_deref().map(domain::templates::Category::from_word),
        recurs_from: row.get::<Option<i64>>("recurs_from")?.map(BroadcastId),
        starts_at: row.time_opt("starts_at")?,
        frozen: row.get("frozen")?,
        created_by: row.get::<Option<i64>>("created_by")?.map(ApiKeyId),
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
        started_at: row.time_opt("started_at")?,
        finished_at: row.time_opt("finished_at")?,
        counts: Counts::default(),
    })
}

/// One, with its counts.
pub(super) async fn find<C: ConnectionTrait>(
    on: &C,
    tenant: TenantId,
    broadcast: BroadcastId,
) -> Result<Option<Broadcast>, Fault> {
    let sql = format!("SELECT {COLUMNS} FROM broadcasts b WHERE b.tenant_id = $1 AND b.id = $2");
    let Some(row) = db::one(on, &sql, [tenant.0.into(), broadcast.0.into()]).await? else { return Ok(None) };
    let mut found = from_row(&row)?;
    found.counts = counts::of(on, tenant, &[broadcast]).await?.remove(&broadcast).unwrap_or_default();
    Ok(Some(found))
}

/// Which of these there are.
pub(super) async fn known(
    store: &SqlStore,
    tenant: TenantId,
    ids: &[BroadcastId],
) -> Result<Vec<BroadcastId>, Fault> {
    let ids: Vec<i64> = ids.iter().map(|id| id.0).collect();
    let (is_one, ids) = store.dialect().is_one_of("b.id", &ids);
    let sql = format!("SELECT b.id AS id FROM broadcasts b WHERE b.tenant_id = $2 AND {is_one}");
    let rows = db::all(store.reader(), &sql, [ids, tenant.0.into()]).await?;
    rows.iter().map(|row| Ok(BroadcastId(row.get("id")?))).collect()
}

/// Broadcasts named in an answer.
const NAMED: u32 = 100;

/// Those that have not begun and will go to a segment.
pub(crate) async fn to_begin_with(
    tx: &Tx,
    tenant: TenantId,
    segment: SegmentId,
) -> Result<Vec<BroadcastId>, Fault> {
    let dialect = tx.dialect;
    let audience = dialect.json_text("b.plan", "audience");
    let named = dialect.json_text(&dialect.json_text(&audience, "asked"), "segment_id");
    let sql = format!(
        "SELECT b.id AS id FROM broadcasts b WHERE b.tenant_id = $1 AND b.state IN ('draft', 'scheduled', 'paused') \
         AND b.meant IS NULL AND CAST({named} AS BIGINT) = $2 ORDER BY b.id LIMIT {NAMED}"
    );
    let rows = db::all(&**tx, &sql, [tenant.0.into(), segment.0.into()]).await?;
    rows.iter().map(|row| Ok(BroadcastId(row.get("id")?))).collect()
}

/// One that is there, as the caller's own transaction leaves it.
pub(super) async fn reread(tx: &Tx, tenant: TenantId, broadcast: BroadcastId) -> Result<Broadcast, Fault> {
    counts::write_counts(tx).await?;
    find(&**tx, tenant, broadcast).await?.ok_or_else(|| Fault::internal("a broadcast went missing"))
}

/// What must not change while a verb works on a broadcast.
pub(super) struct Standing {
    pub(super) state: State,
    pub(super) version: i64,
    /// Whom it means is settled.
    pub(super) begun: bool,
    pub(super) frozen: bool,
    pub(super) freeze_cursor: i64,
    pub(super) created_by: Option<i64>,
}

impl Standing {
    /// Where it stands in the eyes of steps and changes.
    pub(super) fn stands(&self) -> State {
        self.state.before_it_began(self.begun)
    }
}

/// Locks it against everybody until the commit.
pub(super) async fn lock(
    tx: &Tx,
    tenant: TenantId,
    broadcast: BroadcastId,
) -> Result<Option<Standing>, Fault> {
    standing(tx, tenant, broadcast, &tx.dialect.for_update("b")).await
}

/// Keeps it in its state until the commit; others may do the same.
pub(super) async fn share(
    tx: &Tx,
    tenant: TenantId,
    broadcast: BroadcastId,
) -> Result<Option<Standing>, Fault> {
    standing(tx, tenant, broadcast, &tx.dialect.for_share("b")).await
}

async fn standing(
    tx: &Tx,
    tenant: TenantId,
    broadcast: BroadcastId,
    lock: &str,
) -> Result<Option<Standing>, Fault> {
    let sql = format!(
        "SELECT b.state AS state, b.version AS version, CASE WHEN b.meant IS NULL THEN 0 ELSE 1 END AS begun, \
         b.frozen AS frozen, b.freeze_cursor AS freeze_cursor, b.created_by AS created_by \
         FROM broadcasts b WHERE b.tenant_id = $1 AND b.id = $2{lock}"
    );
    let row = db::one(&**tx, &sql, [tenant.0.into(), broadcast.0.into()]).await?;
    row.map(|row| {
        Ok(Standing {
            state: row.word("state")?,
            version: row.get("version")?,
            begun: row.get::<i32>("begun")? == 1,
            frozen: row.get("frozen")?,
            freeze_cursor: row.get("freeze_cursor")?,
            created_by: row.get("created_by")?,
        })
    })
    .transpose()
}
