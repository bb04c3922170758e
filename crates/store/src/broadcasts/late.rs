//! Broadcasts that had ended when it turned out that they reached nobody: statuses tell of failures for hours, and doubts
//! are ruled on after a day.

use std::collections::BTreeMap;

use domain::broadcasts::State;
use domain::{BroadcastId, TenantId, Timestamp};

use super::moves::{nobody_reached, reached_nobody};
use super::row;
use crate::alerts;
use crate::db::{self, Fault, Row, Tx, micros, to_json};
use crate::sets::{param, set};

set! {
    Failing {
        t: Int i64,
        b: Int i64,
    }
}

/// Of broadcasts of which a message failed, and when: those that had been completed. They stay so until the commit, but for
/// [`judge`]. To be called before the counts are written, so that of several the last one sees what the others did.
pub(super) async fn ended(
    tx: &Tx,
    failing: &BTreeMap<(i64, i64), Timestamp>,
) -> Result<Vec<(TenantId, BroadcastId, Timestamp)>, Fault> {
    if failing.is_empty() {
        return Ok(Vec::new());
    }
    let rows: Vec<Failing> = failing.keys().map(|(t, b)| Failing { t: *t, b: *b }).collect();
    let set = tx.dialect.set::<Failing>(1, "r");
    let lock = tx.dialect.for_update("b");
    let sql = format!(
        "SELECT b.tenant_id AS tenant_id, b.id AS id FROM {set} CROSS JOIN broadcasts b \
         WHERE b.tenant_id = r.t AND b.id = r.b AND b.state = '{}' ORDER BY b.tenant_id, b.id{lock}",
        State::Completed.as_str()
    );
    let ended = db::all(&**tx, &sql, [param(&rows)?]).await?;
    ended
        .iter()
        .map(|row| {
            let (t, b): (i64, i64) = (row.get("tenant_id")?, row.get("id")?);
            let at = failing.get(&(t, b)).copied().unwrap_or_default();
            Ok((TenantId(t), BroadcastId(b), at))
        })
        .collect()
}

/// Fails those that reached nobody, with the alert. To be called after the counts were written.
pub(super) async fn judge(tx: &Tx, ended: &[(TenantId, BroadcastId, Timestamp)]) -> Result<(), Fault> {
    for (tenant, broadcast, at) in ended {
        let Some(mut found) = row::find(&**tx, *tenant, *broadcast).await? else { continue };
        if !reached_nobody(&found.counts) {
            continue;
        }
        let reason = nobody_reached(*at);
        let sql =
            "UPDATE broadcasts SET state = $3, reason = $4, updated_at = $5 WHERE tenant_id = $1 AND id = $2";
        let values = [
            tenant.0.into(),
            broadcast.0.into(),
            State::Failed.as_str().into(),
            to_json(&reason)?.into(),
            micros(*at).into(),
        ];
        db::run(&**tx, sql, values).await?;
        found.state = State::Failed;
        alerts::raise_in(tx, &[found.stopped(&reason, *at)]).await?;
    }
    Ok(())
}
