//! What is left to do of an erasure, kept with it: killed at any point it goes on from its last commit.

use std::collections::BTreeMap;

use domain::erasure::Traces;
use domain::{ErasureId, TenantId, Timestamp};
use ports::erasure::Erasure;
use serde::{Deserialize, Serialize};

use super::{finish, messages, papers, row};
use crate::db::{self, Fault, Row, SqlStore, Tx, to_json};

/// Rows by kind.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Removed(pub(super) BTreeMap<String, i64>);

impl Removed {
    /// Counts what went.
    pub(super) fn count(&mut self, what: &str, rows: u64) {
        *self.0.entry(what.to_owned()).or_default() += i64::try_from(rows).unwrap_or(i64::MAX);
    }
}

/// Where the person is looked for, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Place {
    Messages,
    /// Files that were sent to nobody else.
    Media,
    Webhooks,
    WebhookItems,
    ImportRows,
    ListRows,
    /// Answers kept for repeats under an idempotency key.
    Answers,
    /// Statuses whose message is not known.
    Statuses,
    Done,
}

/// What is still to be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Work {
    pub(super) traces: Traces,
    /// Contacts whose messages are still there.
    pub(super) contacts: Vec<i64>,
    /// Files that were sent to the person.
    pub(super) files: Vec<i64>,
    pub(super) place: Place,
    /// The last row that was looked at: its keys as far as they are numbers, and its key that is a text.
    pub(super) cursor: (i64, i64, String),
    /// Entries of the consent ledger.
    pub(super) records: i64,
}

impl Work {
    pub(super) fn begin(traces: Traces, contacts: Vec<i64>, records: i64) -> Self {
        Self {
            traces,
            contacts,
            files: Vec::new(),
            place: Place::Messages,
            cursor: (i64::MIN, i64::MIN, String::new()),
            records,
        }
    }

    /// On to the next place.
    pub(super) fn next_place(&mut self) {
        self.cursor = (i64::MIN, i64::MIN, String::new());
        self.place = match self.place {
            Place::Messages => Place::Media,
            Place::Media => Place::Webhooks,
            Place::Webhooks => Place::WebhookItems,
            Place::WebhookItems => Place::ImportRows,
            Place::ImportRows => Place::ListRows,
            Place::ListRows => Place::Answers,
            Place::Answers => Place::Statuses,
            Place::Statuses | Place::Done => Place::Done,
        };
    }
}

/// An erasure under way, its row locked.
pub(super) struct Erasing<'a> {
    pub(super) store: &'a SqlStore,
    pub(super) tx: &'a Tx,
    pub(super) tenant: TenantId,
    pub(super) erasure: Erasure,
    pub(super) work: Work,
    pub(super) removed: Removed,
    pub(super) limit: i64,
    pub(super) now: Timestamp,
}

/// The next batch.
pub(super) async fn batch(
    store: &SqlStore,
    tenant: TenantId,
    erasure: ErasureId,
    limit: u32,
    now: Timestamp,
) -> Result<Option<Erasure>, Fault> {
    // What is only read is read before the store is written to: others write meanwhile.
    let Some(seen) = standing(store, tenant, erasure).await? else {
        return row::find(store.reader(), tenant, erasure).await;
    };
    let ahead = papers::look_ahead(store, tenant, &seen, i64::from(limit.max(1))).await?;
    let tx = store.begin().await?;
    let lock = tx.dialect.for_update("e");
    let sql = format!(
        "SELECT e.id AS id, e.contact_id AS contact_id, e.at AS at, e.receipt AS receipt, e.digest AS digest, \
         e.work AS work, e.removed AS removed FROM erasures e WHERE e.tenant_id = $1 AND e.id = $2{lock}"
    );
    let Some(found) = db::one(&*tx, &sql, [tenant.0.into(), erasure.0.into()]).await? else {
        return Ok(None);
    };
    let known = row::from_row(&found)?;
    let Some(work) = found.json_opt::<Work>("work")? else { return Ok(Some(known)) };
    if work != seen {
        // Another node did this batch.
        return Ok(Some(known));
    }
    let removed = found.json("removed")?;
    let limit = i64::from(limit.max(1));
    let mut erasing = Erasing { store, tx: &tx, tenant, erasure: known, work, removed, limit, now };
    match erasing.work.place {
        Place::Messages => messages::batch(&mut erasing).await?,
        Place::Done => finish::finish(&mut erasing).await?,
        _ => papers::batch(&mut erasing, ahead).await?,
    }
    let Erasing { erasure, work, removed, .. } = erasing;
    if erasure.receipt.is_none() {
        let sql = "UPDATE erasures SET work = $3, removed = $4 WHERE tenant_id = $1 AND id = $2";
        let values =
            [tenant.0.into(), erasure.id.0.into(), to_json(&work)?.into(), to_json(&removed)?.into()];
        db::run(&*tx, sql, values).await?;
    }
    tx.commit().await?;
    Ok(Some(erasure))
}

async fn standing(store: &SqlStore, tenant: TenantId, erasure: ErasureId) -> Result<Option<Work>, Fault> {
    let sql = "SELECT work FROM erasures WHERE tenant_id = $1 AND id = $2";
    let row = db::one(store.reader(), sql, [tenant.0.into(), erasure.0.into()]).await?;
    Ok(row.map(|row| row.json_opt("work")).transpose()?.flatten())
}
