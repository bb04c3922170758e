//! Messages in doubt whose tenant's time for a ruling has come.

use domain::audit::{Action, NewEntry};
use domain::messages::Status;
use domain::{MessageId, TenantId, Timestamp};
use ports::messages::Failure;

use crate::db::{self, Fault, Row, SqlStore, Tx, micros};
use crate::ids::{self, Kind};
use crate::messages::state::{self, ById};
use crate::messages::write::{self, Event};

/// Rules on at most `limit`. Usually there are none, which costs one read.
pub(super) async fn rule(store: &SqlStore, now: Timestamp, limit: u32) -> Result<Vec<MessageId>, Fault> {
    let due = due(store, now, limit).await?;
    if due.is_empty() {
        return Ok(Vec::new());
    }
    let tx = store.begin().await?;
    let mut ruled = Vec::new();
    for (tenant, messages) in due {
        ruled.extend(fail(&tx, tenant, &messages, now).await?);
    }
    tx.commit().await?;
    Ok(ruled)
}

async fn due(
    store: &SqlStore,
    now: Timestamp,
    limit: u32,
) -> Result<std::collections::BTreeMap<TenantId, Vec<ById>>, Fault> {
    let dialect = store.dialect();
    let ruling = dialect.json_text("t.settings", "in_doubt_ruling");
    let after = dialect.json_text("t.settings", "in_doubt_after_seconds");
    let sql = format!(
        "SELECT m.tenant_id AS tenant_id, m.id AS id FROM messages m JOIN tenants t ON t.tenant_id = m.tenant_id \
         WHERE m.in_doubt_at IS NOT NULL AND COALESCE({ruling}, 'fail') = 'fail' \
         AND m.in_doubt_at <= $1 - COALESCE(CAST({after} AS BIGINT), 86400) * 1000000 ORDER BY m.in_doubt_at LIMIT $2"
    );
    let mut due = std::collections::BTreeMap::<TenantId, Vec<ById>>::new();
    for row in db::all(store.reader(), &sql, [micros(now).into(), i64::from(limit).into()]).await? {
        due.entry(TenantId(row.get("tenant_id")?)).or_default().push(ById { id: row.get("id")? });
    }
    Ok(due)
}

async fn fail(tx: &Tx, tenant: TenantId, messages: &[ById], now: Timestamp) -> Result<Vec<MessageId>, Fault> {
    let why = Failure {
        code: "SEND_OUTCOME_UNKNOWN".to_owned(),
        message: "Meta never told whether it accepted the message".to_owned(),
        meta_error_code: None,
        meta_message: None,
        fbtrace_id: None,
        advice: Some("Send again only if receiving it twice does no harm.".to_owned()),
        not_before: None,
    };
    let mut states = state::by_ids(tx, tenant, messages).await?;
    // A status may have settled one since it was read.
    states.retain(|state| state.status == Status::InDoubt);
    let mut events = Vec::with_capacity(states.len());
    for state in &mut states {
        state.put(Status::Failed, now);
        state.times.note(Status::Failed, now);
        state.keep_failure(Some(&why))?;
        events.push(Event::new(
            tenant,
            state.id,
            Status::Failed.as_str(),
            now,
            &write::failure_details(&why),
        ));
    }
    state::write(tx, states.iter()).await?;
    let [mut event_ids] = ids::take(tx, [(Kind::MessageEvent, events.len())]).await?;
    write::events(tx, &mut events, &mut event_ids).await?;
    for state in &states {
        tx.note(tenant, NewEntry::about(Action::MessageGivenUp, "message", state.id).at(now));
    }
    Ok(states.iter().map(state::State::message_id).collect())
}
