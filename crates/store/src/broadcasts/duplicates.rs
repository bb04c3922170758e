//! Two recipients of a broadcast who turned out to be one person while messages of both were on their way: one of them
//! goes, the others are taken back and left out as duplicates.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use domain::broadcasts::LeftOut;
use domain::broadcasts::reasons::FailedBy;
use domain::messages::Status;
use domain::{TenantId, Timestamp};
use ports::messages::Failure;

use super::back::{Fate, take_back, take_out};
use crate::db::{self, Fault, Row, Tx};
use crate::dialect::Dialect;
use crate::messages::state::{self, ById, State};
use crate::sets::param;

/// What is told of a recipient, or a message, that was left out for that.
pub(super) const WHY: &str = "the contact is in the broadcast under another id";
/// What becomes of the recipient of such a message.
pub(crate) const DUPLICATE: Fate = Fate::LeftOut { reason: LeftOut::Duplicate, why: Some(WHY) };

/// Whether the message of this alias stands for its contact's place in the broadcast: it is on its way, may have arrived,
/// or was called off. One that failed for certain keeps nobody else's from going.
pub(crate) fn stands(dialect: Dialect, alias: &str) -> String {
    let code = dialect.json_text(&format!("{alias}.failure"), "code");
    format!(
        "(NOT {alias}.superseded AND ({alias}.status <> 'failed' OR COALESCE({code}, '') = 'SEND_OUTCOME_UNKNOWN'))"
    )
}

/// As [`stands`], of a message that counts.
fn stands_still(state: &State) -> bool {
    let failure = state.failure.as_deref().and_then(|text| serde_json::from_str::<Failure>(text).ok());
    let by = failure.map(|why| FailedBy::of(&why.code, why.meta_error_code));
    state.status != Status::Failed || by == Some(FailedBy::OutcomeUnknown)
}

/// Two contacts have become this one, who is locked, and their messages are its own: of each broadcast only one of those
/// that wait stays, and none where another is further already.
pub(crate) async fn leave_one(tx: &Tx, tenant: TenantId, contact: i64, at: Timestamp) -> Result<(), Fault> {
    let lock = tx.dialect.for_update("m");
    let sql = format!(
        "SELECT {} FROM messages m WHERE m.tenant_id = $1 AND m.contact_id = $2 AND NOT m.superseded \
         AND m.broadcast_id IN (SELECT o.broadcast_id FROM outbox o WHERE o.tenant_id = $1 AND o.contact_id = $2 \
         AND o.broadcast_id IS NOT NULL) ORDER BY m.id{lock}",
        state::COLUMNS
    );
    let mut broadcasts: BTreeMap<i64, Vec<State>> = BTreeMap::new();
    for row in db::all(&**tx, &sql, [tenant.0.into(), contact.into()]).await? {
        broadcasts.entry(row.get("broadcast_id")?).or_default().push(state::from_row(&row)?);
    }
    let mut waiting = Vec::new();
    for states in broadcasts.into_values() {
        let (queued, others): (Vec<_>, Vec<_>) =
            states.into_iter().partition(|state| state.status == Status::Queued);
        let stays = usize::from(!others.iter().any(stands_still));
        waiting.extend(queued.into_iter().skip(stays));
    }
    if waiting.is_empty() {
        return Ok(());
    }
    let taken = take_out(tx, tenant, waiting.iter().map(|state| state.id)).await?;
    waiting.retain(|state| taken.contains(&state.id));
    take_back(tx, tenant, waiting.into_iter().map(|state| (state, DUPLICATE)).collect(), at).await
}

/// Which of these messages, which are about to wait again, must not: their contacts became one with another while both
/// were being sent, and the other's stands. Of several that come back at once the first stays.
pub(crate) async fn overtaken(
    tx: &Tx,
    tenant: TenantId,
    ids: impl Iterator<Item = i64>,
    known: &HashMap<i64, State>,
) -> Result<BTreeSet<i64>, Fault> {
    let rows: BTreeSet<i64> = ids.collect();
    let set = tx.dialect.set_in::<ById>(1, "x", 2);
    let sql = format!(
        "SELECT m.id AS id, y.id AS other FROM {set} CROSS JOIN messages m CROSS JOIN messages y \
         WHERE m.tenant_id = x.tenant AND m.id = x.id AND y.tenant_id = x.tenant AND y.broadcast_id = m.broadcast_id \
         AND y.contact_id = m.contact_id AND y.id <> m.id AND {} ORDER BY m.id",
        stands(tx.dialect, "y")
    );
    let asked: Vec<ById> = rows.iter().map(|id| ById { id: *id }).collect();
    let mut gone = BTreeSet::new();
    for row in db::all(&**tx, &sql, [param(&asked)?, tenant.0.into()]).await? {
        let (id, other): (i64, i64) = (row.get("id")?, row.get("other")?);
        let goes = match known.get(&other) {
            // Also on its way back.
            Some(_) if rows.contains(&other) => other < id && !gone.contains(&other),
            Some(state) => stands_still(state),
            None => true,
        };
        if goes {
            gone.insert(id);
        }
    }
    Ok(gone)
}
