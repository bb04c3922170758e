//! What waited to be sent when a backup was made may have been sent since, by the server that went on. It is not sent
//! again blindly.

use std::collections::BTreeMap;

use domain::broadcasts::{StopCode, StopReason};
use domain::messages::Status;
use domain::{TenantId, Timestamp};
use serde_json::json;

use super::Restored;
use crate::db::{self, Fault, Row, Tx, micros, to_json};
use crate::ids::{self, Kind};
use crate::messages::state::{self, ById};
use crate::messages::write::{self, Event, Settled};

/// Messages ruled on at a time.
const PAGE: i64 = 1_000;

/// What becomes of messages that waited to be sent, and of broadcasts that ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waiting {
    /// Those whose time had come are in doubt, as after a crash; broadcasts are paused.
    InDoubt,
    /// They are sent: nothing was sent after the backup was made.
    Send,
}

pub(super) async fn settle(tx: &Tx, waiting: Waiting, now: Timestamp) -> Result<Restored, Fault> {
    let mut restored = Restored { in_doubt: 0, paused: 0 };
    if waiting == Waiting::Send {
        return Ok(restored);
    }
    loop {
        let ruled = doubt(tx, now).await?;
        if ruled == 0 {
            break;
        }
        restored.in_doubt += ruled;
    }
    restored.paused = pause(tx, now).await?;
    Ok(restored)
}

async fn doubt(tx: &Tx, now: Timestamp) -> Result<u64, Fault> {
    let sql = "SELECT tenant_id, message_id FROM outbox WHERE (sending OR due_at <= $1) AND NOT held \
               ORDER BY tenant_id, message_id LIMIT $2";
    let mut due = BTreeMap::<i64, Vec<ById>>::new();
    for row in db::all(&**tx, sql, [micros(now).into(), PAGE.into()]).await? {
        due.entry(row.get("tenant_id")?).or_default().push(ById { id: row.get("message_id")? });
    }
    let mut ruled = 0;
    for (tenant, messages) in due {
        let tenant = TenantId(tenant);
        let mut states = state::by_ids(tx, tenant, &messages).await?;
        let mut events = Vec::new();
        for state in
            states.iter_mut().filter(|state| matches!(state.status, Status::Queued | Status::Sending))
        {
            state.put(Status::InDoubt, now);
            let why = json!({ "reason": "restored from a backup; it may have been sent since the backup was made" });
            events.push(Event::new(tenant, state.id, Status::InDoubt.as_str(), now, &why));
        }
        state::write(tx, states.iter()).await?;
        let settled: Vec<Settled> = messages.iter().map(|by| Settled { t: tenant.0, id: by.id }).collect();
        write::remove_from_outbox(tx, &settled).await?;
        let [mut event_ids] = ids::take(tx, [(Kind::MessageEvent, events.len())]).await?;
        write::events(tx, &mut events, &mut event_ids).await?;
        ruled += messages.len() as u64;
    }
    Ok(ruled)
}

async fn pause(tx: &Tx, now: Timestamp) -> Result<u64, Fault> {
    let reason = StopReason {
        code: StopCode::Restored,
        message: "Restored from a backup: the server may have sent on after the backup was made. Compare with what \
                  went out, then resume or cancel."
            .to_owned(),
        meta_error_code: None,
        at: now,
    };
    let sql = "UPDATE broadcasts SET state = 'paused', reason = $1, updated_at = $2, version = version + 1 \
               WHERE state = 'sending' OR (state = 'scheduled' AND starts_at <= $2)";
    let paused = db::run(&**tx, sql, [to_json(&reason)?.into(), micros(now).into()]).await?;
    let sql = "UPDATE outbox SET held = TRUE WHERE NOT held AND EXISTS (SELECT 1 FROM broadcasts b \
               WHERE b.tenant_id = outbox.tenant_id AND b.id = outbox.broadcast_id AND b.state = 'paused')";
    db::run(&**tx, sql, []).await?;
    Ok(paused)
}
