//! New attempts for recipients that failed.

use domain::audit::{Action, NewEntry};
use domain::broadcasts::State;
use domain::broadcasts::reasons::FailedBy;
use domain::{BroadcastId, TenantId, Timestamp};

use super::{counts, row};
use crate::db::{self, Fault, Row, SqlStore, Tx, micros};
use crate::messages::state;
use crate::sets::{param, set};

set! {
    /// A way of failing, as it is found in a message's failure.
    Group {
        code: Text String,
        meta: Int i64,
    }
}

/// Stands for "Meta gave no code".
const NO_CODE: i64 = -1;

/// The failures of a broadcast that come to one of these (empty: to any), as a set for [`is_one_of`].
pub(super) async fn groups<C: sea_orm::ConnectionTrait>(
    on: &C,
    tenant: TenantId,
    broadcast: BroadcastId,
    failed_by: &[FailedBy],
) -> Result<Vec<Group>, Fault> {
    let cells = counts::cells(on, tenant, broadcast).await?;
    let mut groups: Vec<(String, i64)> = cells
        .iter()
        .filter_map(|cell| super::results::group(&cell.name, cell.count))
        .filter(|group| failed_by.is_empty() || failed_by.contains(&group.failed_by))
        .map(|group| (group.code, group.meta_error_code.unwrap_or(NO_CODE)))
        .collect();
    groups.sort();
    groups.dedup();
    Ok(groups.into_iter().map(|(code, meta)| Group { code, meta }).collect())
}

/// Whether the message `m` failed in one of the ways of parameter `$number`.
pub(super) fn is_one_of(dialect: crate::dialect::Dialect, number: u8) -> String {
    let set = dialect.set::<Group>(number, "g");
    let code = dialect.json_text("m.failure", "code");
    let meta = dialect.json_text("m.failure", "meta_error_code");
    format!(
        "(COALESCE({code}, ''), COALESCE(CAST({meta} AS BIGINT), {NO_CODE})) IN (SELECT g.code, g.meta FROM {set})"
    )
}

set! {
    Anew {
        id: Int i64,
        message: Int i64,
    }
}

/// Gives up to `limit` of them a new attempt.
pub(super) async fn retry(
    store: &SqlStore,
    tenant: TenantId,
    broadcast: BroadcastId,
    failed_by: &[FailedBy],
    limit: u32,
    at: Timestamp,
) -> Result<u32, Fault> {
    let tx = store.begin().await?;
    let standing = row::lock(&tx, tenant, broadcast).await?;
    let Some(state) = standing.map(|standing| standing.state) else { return Ok(0) };
    if !matches!(state, State::Sending | State::Paused | State::Completed | State::Failed) {
        return Ok(0);
    }
    let anew = take(&tx, tenant, broadcast, failed_by, limit, at).await?;
    if anew.is_empty() {
        return Ok(0);
    }
    let set = tx.dialect.set::<Anew>(1, "x");
    let values = [param(&anew)?, tenant.0.into(), broadcast.0.into(), micros(at).into()];
    let sql = format!(
        "UPDATE messages SET superseded = TRUE FROM {set} WHERE messages.tenant_id = $2 AND messages.id = x.message"
    );
    db::run(&*tx, &sql, values[..2].to_vec()).await?;
    let sql = format!(
        "UPDATE recipients SET retry_of = message_id, message_id = NULL, attempt = attempt + 1, due_at = $4 FROM {set} \
         WHERE recipients.tenant_id = $2 AND recipients.broadcast_id = $3 AND recipients.id = x.id"
    );
    db::run(&*tx, &sql, values).await?;
    if matches!(state, State::Completed | State::Failed) {
        let sql = "UPDATE broadcasts SET state = $3, reason = NULL, finished_at = NULL, updated_at = $4, version = version + 1 \
                   WHERE tenant_id = $1 AND id = $2";
        let values = [tenant.0.into(), broadcast.0.into(), State::Sending.as_str().into(), micros(at).into()];
        db::run(&*tx, sql, values).await?;
    }
    let entry = NewEntry::about(Action::BroadcastRetried, "broadcast", broadcast).at(at);
    tx.note(tenant, entry.after(serde_json::json!({ "recipients": anew.len() })));
    tx.commit().await?;
    u32::try_from(anew.len()).map_err(Fault::internal)
}

/// Locks failed messages and takes them off the counts.
async fn take(
    tx: &Tx,
    tenant: TenantId,
    broadcast: BroadcastId,
    failed_by: &[FailedBy],
    limit: u32,
    at: Timestamp,
) -> Result<Vec<Anew>, Fault> {
    let groups = groups(&**tx, tenant, broadcast, failed_by).await?;
    let lock = tx.dialect.for_update("m") + &tx.dialect.for_update("r");
    let sql = format!(
        "SELECT {}, r.id AS recipient_id FROM messages m CROSS JOIN recipients r WHERE m.tenant_id = $2 \
         AND m.broadcast_id = $3 AND m.failed_at IS NOT NULL AND m.status = 'failed' AND NOT m.superseded \
         AND m.content_purged_at IS NULL AND {} \
         AND r.tenant_id = $2 AND r.broadcast_id = $3 AND r.id = m.recipient_id AND r.message_id = m.id \
         ORDER BY m.id LIMIT $4{lock}",
        state::COLUMNS,
        is_one_of(tx.dialect, 1),
    );
    let values = [param(&groups)?, tenant.0.into(), broadcast.0.into(), i64::from(limit).into()];
    let mut anew = Vec::new();
    for row in db::all(&**tx, &sql, values).await? {
        let state = state::from_row(&row)?;
        tx.tally.gone(&state, at);
        tx.tally.add(tenant, broadcast, at, counts::PENDING, 1);
        anew.push(Anew { id: row.get("recipient_id")?, message: state.id });
    }
    Ok(anew)
}
