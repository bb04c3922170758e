//! The attempt before: what a recipient falls back to when nothing comes of a new one.
//!
//! Giving a new attempt takes the failure of the one before off the counts. When the broadcast is called off, or the
//! recipient is left out, before the new message went, that failure is what is true of it still, and stands again.

use std::collections::HashMap;

use domain::broadcasts::LeftOut;
use domain::messages::Status;
use domain::{BroadcastId, TenantId, Timestamp};

use super::enqueue::pending;
use crate::db::{self, Fault, Row, Tx};
use crate::messages::state::{self, ById};
use crate::sets::{param, set};

/// Whether `y` is the message of an earlier attempt of the recipient `r`. One that was taken back out of a queue, and that
/// a first attempt may name as well, is none.
const EARLIER: &str =
    "y.tenant_id = x.tenant AND y.id = r.retry_of AND y.superseded AND y.status <> 'cancelled'";

/// The message of the attempt before.
pub(super) struct Before {
    message: i64,
    status: Status,
}

set! {
    /// A message that stands for its recipient again, and what is said beside it.
    Again {
        message: Int i64,
        detail: Text Option<String>,
    }
}

impl Before {
    /// What stands when the new attempt is left out for this reason; `None`: that it is left out.
    pub(super) fn instead(&self, reason: LeftOut, why: Option<&str>) -> Option<Again> {
        let detail = match reason {
            LeftOut::Cancelled => None,
            // The person counts under another id.
            LeftOut::Duplicate => return None,
            // It arrived after all: beside another message of the same person, which goes on, it would be a second one.
            _ if self.status != Status::Failed => return None,
            _ => Some(match why {
                Some(why) => format!("no new attempt: {} ({why})", reason.as_str()),
                None => format!("no new attempt: {}", reason.as_str()),
            }),
        };
        Some(Again { message: self.message, detail })
    }
}

/// The attempts before, of recipients that have these messages now.
pub(super) async fn of_messages(
    tx: &Tx,
    tenant: TenantId,
    messages: impl Iterator<Item = i64>,
) -> Result<HashMap<i64, Before>, Fault> {
    let rows: Vec<ById> = messages.map(|id| ById { id }).collect();
    if rows.is_empty() {
        return Ok(HashMap::new());
    }
    let set = tx.dialect.set_in::<ById>(1, "x", 2);
    let sql = format!(
        "SELECT x.id AS id, y.id AS earlier, y.status AS status FROM {set} CROSS JOIN messages m CROSS JOIN recipients r \
         CROSS JOIN messages y WHERE m.tenant_id = x.tenant AND m.id = x.id AND r.tenant_id = x.tenant \
         AND r.broadcast_id = m.broadcast_id AND r.id = m.recipient_id AND r.message_id = m.id AND {EARLIER}"
    );
    read(&db::all(&**tx, &sql, [param(&rows)?, tenant.0.into()]).await?)
}

/// The attempts before, of these recipients.
pub(super) async fn of_recipients(
    tx: &Tx,
    tenant: TenantId,
    broadcast: BroadcastId,
    recipients: &[ById],
) -> Result<HashMap<i64, Before>, Fault> {
    if recipients.is_empty() {
        return Ok(HashMap::new());
    }
    let set = tx.dialect.with(&tx.dialect.set::<ById>(1, "x"), "x", &[("tenant", 2), ("broadcast", 3)]);
    let sql = format!(
        "SELECT x.id AS id, y.id AS earlier, y.status AS status FROM {set} CROSS JOIN recipients r CROSS JOIN messages y \
         WHERE r.tenant_id = x.tenant AND r.broadcast_id = x.broadcast AND r.id = x.id AND {EARLIER}"
    );
    read(&db::all(&**tx, &sql, [param(recipients)?, tenant.0.into(), broadcast.0.into()]).await?)
}

fn read(rows: &[sea_orm::QueryResult]) -> Result<HashMap<i64, Before>, Fault> {
    let before = |row: &sea_orm::QueryResult| {
        Ok((row.get("id")?, Before { message: row.get("earlier")?, status: row.word("status")? }))
    };
    rows.iter().map(before).collect()
}

/// Recipients read at once.
const PAGE: i64 = 1_000;

/// All who wait for a new attempt fall back; answers how many, who must be taken off those pending. To be called under the
/// lock of the broadcast. Found by the messages that failed, so that it costs nothing where nobody was given another attempt.
pub(super) async fn call_off(
    tx: &Tx,
    tenant: TenantId,
    broadcast: BroadcastId,
    at: Timestamp,
) -> Result<i64, Fault> {
    let lock = tx.dialect.for_update("y") + &tx.dialect.for_update("r");
    let sql = format!(
        "SELECT y.id AS id FROM messages y CROSS JOIN recipients r WHERE y.tenant_id = $1 AND y.broadcast_id = $2 \
         AND y.failed_at IS NOT NULL AND y.superseded AND y.status <> 'cancelled' \
         AND r.tenant_id = $1 AND r.broadcast_id = $2 AND r.id = y.recipient_id AND r.retry_of = y.id AND {} \
         ORDER BY y.id LIMIT $3{lock}",
        pending("r")
    );
    let mut fell = 0;
    loop {
        let values = [tenant.0.into(), broadcast.0.into(), PAGE.into()];
        let mut again = Vec::new();
        for row in db::all(&**tx, &sql, values).await? {
            again.push(Again { message: row.get("id")?, detail: None });
        }
        if again.is_empty() {
            return Ok(fell);
        }
        fell += i64::try_from(again.len()).map_err(Fault::internal)?;
        fall_back(tx, tenant, &again, at).await?;
    }
}

/// These stand for their recipients again and count as they are now, each in the hours in which it came there.
pub(super) async fn fall_back(
    tx: &Tx,
    tenant: TenantId,
    again: &[Again],
    at: Timestamp,
) -> Result<(), Fault> {
    if again.is_empty() {
        return Ok(());
    }
    let set = tx.dialect.set_in::<Again>(1, "x", 2);
    let values = [param(again)?, tenant.0.into()];
    let sql = format!(
        "UPDATE messages SET superseded = FALSE FROM {set} WHERE messages.tenant_id = x.tenant AND messages.id = x.message"
    );
    db::run(&**tx, &sql, values.clone()).await?;
    // Not CROSS JOIN: SQLite would have to read the recipients before the messages that lead to them.
    let sql = format!(
        "UPDATE recipients SET message_id = m.id, retry_of = m.retry_of, attempt = recipients.attempt - 1, reason = NULL, \
         detail = x.detail FROM {set} JOIN messages m ON m.tenant_id = x.tenant AND m.id = x.message \
         WHERE recipients.tenant_id = x.tenant AND recipients.broadcast_id = m.broadcast_id \
         AND recipients.id = m.recipient_id AND recipients.retry_of = x.message"
    );
    db::run(&**tx, &sql, values).await?;
    let ids: Vec<ById> = again.iter().map(|one| ById { id: one.message }).collect();
    for state in state::by_ids(tx, tenant, &ids).await? {
        tx.tally.back(&state, at);
    }
    Ok(())
}
