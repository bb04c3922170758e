//! What customers do after a broadcast reached them: they answer, or say STOP.

use std::collections::BTreeMap;

use domain::{BroadcastId, ContactId, SignedDuration, TenantId, Timestamp};

use super::counts;
use crate::db::{self, Fault, Row, Tx, micros};
use crate::sets::{param, set};

/// How long after the message an answer is an answer to it.
const ATTRIBUTED: SignedDuration = SignedDuration::from_hours(72);
/// Meta tells times in whole seconds, and its clock is not ours.
const CLOCKS_DIFFER: SignedDuration = SignedDuration::from_secs(10);

/// A message of a customer whose thread had a broadcast.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reply {
    pub(crate) broadcast: i64,
    pub(crate) contact: ContactId,
    pub(crate) at: Timestamp,
    /// It is an opt-out word.
    pub(crate) opts_out: bool,
}

set! {
    Asked {
        b: Int i64,
        contact: Int i64,
        at: Int i64,
        earliest: Int i64,
        latest: Int i64,
        out_at: Int Option<i64>,
    }
}

set! {
    Marked {
        b: Int i64,
        id: Int i64,
        replied_at: Int Option<i64>,
        opted_out_at: Int Option<i64>,
    }
}

/// Marks the recipients whose message is not older than [`ATTRIBUTED`]; the first answer counts, and the first STOP. No
/// trip to the store when nobody's thread had a broadcast.
pub(crate) async fn attribute(tx: &Tx, tenant: TenantId, replies: &[Reply]) -> Result<(), Fault> {
    let asked = asked(replies);
    if asked.is_empty() {
        return Ok(());
    }
    let mut marked = BTreeMap::new();
    for row in find(tx, tenant, &asked).await? {
        let (b, id): (i64, i64) = (row.get("b")?, row.get("id")?);
        let known =
            Marked { b, id, replied_at: row.get("replied_at")?, opted_out_at: row.get("opted_out_at")? };
        let entry: &mut Marked = marked.entry((b, id)).or_insert(known);
        if entry.replied_at.is_none() {
            let at: i64 = row.get("at")?;
            entry.replied_at = Some(at);
            tx.tally.add(tenant, BroadcastId(b), db::time(at), counts::REPLIED, 1);
        }
        if let (None, Some(at)) = (entry.opted_out_at, row.get::<Option<i64>>("out_at")?) {
            entry.opted_out_at = Some(at);
            tx.tally.add(tenant, BroadcastId(b), db::time(at), counts::OPTED_OUT, 1);
        }
    }
    let rows: Vec<Marked> = marked.into_values().collect();
    if rows.is_empty() {
        return Ok(());
    }
    let set = tx.dialect.set_in::<Marked>(1, "x", 2);
    let sql = format!(
        "UPDATE recipients SET replied_at = x.replied_at, opted_out_at = x.opted_out_at FROM {set} \
         WHERE recipients.tenant_id = x.tenant AND recipients.broadcast_id = x.b AND recipients.id = x.id"
    );
    db::run(&**tx, &sql, [param(&rows)?, tenant.0.into()]).await?;
    Ok(())
}

/// The first answer of each, and its first STOP.
fn asked(replies: &[Reply]) -> Vec<Asked> {
    let mut asked: BTreeMap<(i64, i64), Asked> = BTreeMap::new();
    for reply in replies {
        let (b, contact, at) = (reply.broadcast, reply.contact.0, micros(reply.at));
        let entry = asked.entry((b, contact)).or_insert_with(|| Asked {
            b,
            contact,
            at,
            earliest: micros(reply.at.saturating_sub(ATTRIBUTED).unwrap_or(Timestamp::MIN)),
            latest: micros(reply.at.saturating_add(CLOCKS_DIFFER).unwrap_or(Timestamp::MAX)),
            out_at: None,
        });
        if reply.opts_out {
            entry.out_at = Some(entry.out_at.map_or(at, |known| known.min(at)));
        }
    }
    asked.into_values().collect()
}

/// The recipients that there is something to mark at, locked.
async fn find(tx: &Tx, tenant: TenantId, asked: &[Asked]) -> Result<Vec<sea_orm::QueryResult>, Fault> {
    let set = tx.dialect.set_in::<Asked>(1, "x", 2);
    let lock = tx.dialect.for_update("r");
    let sql = format!(
        "SELECT r.broadcast_id AS b, r.id AS id, r.replied_at AS replied_at, r.opted_out_at AS opted_out_at, \
         x.at AS at, x.out_at AS out_at FROM {set} CROSS JOIN messages m CROSS JOIN recipients r \
         WHERE m.tenant_id = x.tenant AND m.broadcast_id = x.b AND m.contact_id = x.contact \
         AND m.sent_at >= x.earliest AND m.sent_at <= x.latest \
         AND r.tenant_id = x.tenant AND r.broadcast_id = x.b AND r.id = m.recipient_id \
         AND (r.replied_at IS NULL OR (x.out_at IS NOT NULL AND r.opted_out_at IS NULL)) \
         ORDER BY r.broadcast_id, r.id{lock}"
    );
    db::all(&**tx, &sql, [param(asked)?, tenant.0.into()]).await
}
