//! New attempts for recipients that failed.

use domain::audit::{Action, NewEntry};
use domain::broadcasts::State;
use domain::broadcasts::reasons::FailedBy;
use domain::{BroadcastId, MessageId, TenantId, Timestamp};
use ports::broadcasts::{NotRetried, Retried, Retry};
use ports::messages::Failure;

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

/// The failures of a broadcast that come to one of these, as a set for [`is_one_of`].
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
        .filter(|group| failed_by.contains(&group.failed_by))
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
        due_at: Int i64,
    }
}

/// Gives up to `limit` of them a new attempt.
pub(super) async fn retry(
    store: &SqlStore,
    tenant: TenantId,
    broadcast: BroadcastId,
    wanted: &Retry,
) -> Result<Retried, Fault> {
    let tx = store.begin().await?;
    let standing = row::lock(&tx, tenant, broadcast).await?;
    let Some(state) = standing.map(|standing| standing.state) else { return Ok(Retried::default()) };
    if !matches!(state, State::Sending | State::Paused | State::Completed | State::Failed) {
        return Ok(Retried::default());
    }
    let anew = take(&tx, tenant, broadcast, wanted).await?;
    let mut retried = told(&anew, wanted.at)?;
    if anew.len() < usize::try_from(wanted.limit).unwrap_or(usize::MAX) {
        retried.skipped = skipped(&tx, tenant, broadcast, wanted).await?;
    }
    if anew.is_empty() {
        return Ok(retried);
    }
    put_back(&tx, tenant, broadcast, &anew).await?;
    if matches!(state, State::Completed | State::Failed) {
        reopen(&tx, tenant, broadcast, wanted).await?;
        retried.reopened = true;
    }
    let entry = NewEntry::about(Action::BroadcastRetried, "broadcast", broadcast).at(wanted.at);
    tx.note(tenant, entry.after(serde_json::json!({ "recipients": anew.len() })));
    tx.commit().await?;
    Ok(retried)
}

fn told(anew: &[Anew], at: Timestamp) -> Result<Retried, Fault> {
    let late = || anew.iter().map(|one| one.due_at).filter(|due| *due > micros(at));
    Ok(Retried {
        retried: u32::try_from(anew.len()).map_err(Fault::internal)?,
        waiting: u32::try_from(late().count()).map_err(Fault::internal)?,
        last: anew.last().map(|one| MessageId(one.message)),
        waiting_until: late().min().zip(late().max()).map(|(first, last)| (db::time(first), db::time(last))),
        ..Retried::default()
    })
}

async fn put_back(tx: &Tx, tenant: TenantId, broadcast: BroadcastId, anew: &[Anew]) -> Result<(), Fault> {
    let set = tx.dialect.set_in::<Anew>(1, "x", 2);
    let values = [param(anew)?, tenant.0.into(), broadcast.0.into()];
    let sql = format!(
        "UPDATE messages SET superseded = TRUE FROM {set} WHERE messages.tenant_id = x.tenant AND messages.id = x.message"
    );
    db::run(&**tx, &sql, values[..2].to_vec()).await?;
    let sql = format!(
        "UPDATE recipients SET retry_of = message_id, message_id = NULL, attempt = attempt + 1, due_at = x.due_at, \
         detail = NULL FROM {set} \
         WHERE recipients.tenant_id = x.tenant AND recipients.broadcast_id = $3 AND recipients.id = x.id"
    );
    db::run(&**tx, &sql, values).await?;
    Ok(())
}

/// As by resuming, the template goes as it is now.
async fn reopen(tx: &Tx, tenant: TenantId, broadcast: BroadcastId, wanted: &Retry) -> Result<(), Fault> {
    let sql = "UPDATE broadcasts SET state = $3, reason = NULL, finished_at = NULL, updated_at = $4, version = version + 1, \
               category = COALESCE($5, category) WHERE tenant_id = $1 AND id = $2";
    let values = [
        tenant.0.into(),
        broadcast.0.into(),
        State::Sending.as_str().into(),
        micros(wanted.at).into(),
        wanted.category.as_ref().map(|category| category.as_str().to_owned()).into(),
    ];
    db::run(&**tx, sql, values).await?;
    Ok(())
}

/// Which ways of failing get a new attempt: that nobody knows whether it arrived only when it is named, and accepted.
fn ways(wanted: &Retry) -> Vec<FailedBy> {
    let named = |by: &FailedBy| match by {
        FailedBy::OutcomeUnknown => wanted.accept_duplicate && wanted.failed_by.contains(by),
        other => wanted.failed_by.is_empty() || wanted.failed_by.contains(other),
    };
    FailedBy::ALL.iter().copied().filter(named).collect()
}

/// Locks failed messages and takes them off the counts. Behind which they come is asked in a way that leads to no index: the
/// failed ones of a broadcast are few, and those of its tenant behind a number are not.
async fn take(tx: &Tx, tenant: TenantId, broadcast: BroadcastId, wanted: &Retry) -> Result<Vec<Anew>, Fault> {
    let ways = ways(wanted);
    if ways.is_empty() {
        return Ok(Vec::new());
    }
    let groups = groups(&**tx, tenant, broadcast, &ways).await?;
    let lock = tx.dialect.for_update("m") + &tx.dialect.for_update("r");
    let sql = format!(
        "SELECT {}, r.id AS recipient_id FROM messages m CROSS JOIN recipients r WHERE m.tenant_id = $2 \
         AND m.broadcast_id = $3 AND m.failed_at IS NOT NULL AND m.status = 'failed' AND NOT m.superseded \
         AND m.content_purged_at IS NULL AND {} \
         AND CASE WHEN m.id > $5 THEN 1 ELSE 0 END = 1 \
         AND r.tenant_id = $2 AND r.broadcast_id = $3 AND r.id = m.recipient_id AND r.message_id = m.id \
         ORDER BY m.id LIMIT $4{lock}",
        state::COLUMNS,
        is_one_of(tx.dialect, 1),
    );
    let after = wanted.after.map_or(0, |message| message.0);
    let values =
        [param(&groups)?, tenant.0.into(), broadcast.0.into(), i64::from(wanted.limit).into(), after.into()];
    let mut anew = Vec::new();
    for row in db::all(&**tx, &sql, values).await? {
        let state = state::from_row(&row)?;
        tx.tally.gone(&state, wanted.at);
        tx.tally.add(tenant, broadcast, wanted.at, counts::PENDING, 1);
        let failure = state.failure.as_deref().and_then(|text| serde_json::from_str::<Failure>(text).ok());
        let not_before = failure.and_then(|why| why.not_before).unwrap_or(wanted.at);
        let due_at = micros(wanted.at.max(not_before));
        anew.push(Anew { id: row.get("recipient_id")?, message: state.id, due_at });
    }
    Ok(anew)
}

/// Who was asked for and gets no new attempt.
async fn skipped(
    tx: &Tx,
    tenant: TenantId,
    broadcast: BroadcastId,
    wanted: &Retry,
) -> Result<Vec<(NotRetried, i64)>, Fault> {
    let mut skipped = Vec::new();
    let unknown = [FailedBy::OutcomeUnknown];
    let asked = wanted.failed_by.is_empty() || wanted.failed_by.contains(&FailedBy::OutcomeUnknown);
    let ways = ways(wanted);
    if asked && !ways.contains(&FailedBy::OutcomeUnknown) {
        skipped.push((NotRetried::OutcomeUnknown, failed(tx, tenant, broadcast, &unknown, "TRUE").await?));
    }
    if !ways.is_empty() {
        let purged = failed(tx, tenant, broadcast, &ways, "m.content_purged_at IS NOT NULL").await?;
        skipped.push((NotRetried::ContentPurged, purged));
    }
    skipped.retain(|(_, count)| *count > 0);
    Ok(skipped)
}

async fn failed(
    tx: &Tx,
    tenant: TenantId,
    broadcast: BroadcastId,
    ways: &[FailedBy],
    also: &str,
) -> Result<i64, Fault> {
    let groups = groups(&**tx, tenant, broadcast, ways).await?;
    let sql = format!(
        "SELECT COUNT(*) AS failed FROM messages m WHERE m.tenant_id = $2 AND m.broadcast_id = $3 \
         AND m.failed_at IS NOT NULL AND m.status = 'failed' AND NOT m.superseded AND {also} AND {}",
        is_one_of(tx.dialect, 1)
    );
    let row = db::one(&**tx, &sql, [param(&groups)?, tenant.0.into(), broadcast.0.into()]).await?;
    row.map_or(Ok(0), |row| row.get("failed"))
}
