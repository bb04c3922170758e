//! How much marketing a contact had, and the cap on it.
//!
//! A cap is asked three times: when an audience is frozen, when a turn is decided, and in the commit that queues. Only the
//! last one holds between broadcasts that run at the same time: it comes behind a lock, so that whoever queues second
//! counts what the first one queued.

use domain::broadcasts::LeftOut;
use domain::broadcasts::schedule::FrequencyCap;
use domain::templates::Category;
use domain::{BroadcastId, SignedDuration, TenantId, Timestamp};

use super::back::{Fate, take_back, take_out};
use crate::db::{self, Fault, Row, Tx, micros};
use crate::messages::state;
use crate::tenants;

/// What becomes of whoever had enough.
const OVER: Fate = Fate::LeftOut { reason: LeftOut::FrequencyCap, why: None };

/// Since when marketing counts for a cap over so many days.
pub(super) fn start(now: Timestamp, days: u32) -> Timestamp {
    now.saturating_sub(SignedDuration::from_hours(24 * i64::from(days))).unwrap_or(Timestamp::MIN)
}

/// How many marketing templates went, or are on their way, to a contact since then.
pub(super) fn marketing_since(tenant: &str, since: Timestamp, contact: &str) -> String {
    let marketing = Category::Marketing;
    format!(
        "(SELECT COUNT(*) FROM messages m CROSS JOIN templates t WHERE m.tenant_id = {tenant} AND m.contact_id = {contact} \
         AND m.created_at >= {since} AND m.direction = 'outbound' AND m.status NOT IN ('failed', 'cancelled') \
         AND t.tenant_id = {tenant} AND t.id = m.template_id AND t.category = '{marketing}')",
        since = micros(since),
    )
}

/// The same, for a contact that is about to get this template: 0 for one that is no marketing.
pub(super) fn had(
    tenant: &str,
    cap: Option<FrequencyCap>,
    now: Timestamp,
    template: &str,
    contact: &str,
) -> String {
    let Some(cap) = cap else { return "0".to_owned() };
    let marketing = Category::Marketing;
    format!(
        "CASE WHEN EXISTS (SELECT 1 FROM templates k WHERE k.tenant_id = {tenant} AND k.id = {template} \
         AND k.category = '{marketing}') THEN {} ELSE 0 END",
        marketing_since(tenant, start(now, cap.days), contact)
    )
}

/// Until the commit nobody else queues marketing of this tenant under a cap. One lock for all contacts rather than one
/// each: it is asked for once per page, and a claim, which holds contacts, never waits for it. To be taken behind the
/// lock of a broadcast.
pub(super) async fn lock(tx: &Tx, tenant: TenantId) -> Result<(), Fault> {
    tx.dialect.own_lock(tx, &format!("cap/{tenant}")).await
}

/// Messages taken back in one go.
const PART: usize = 1_000;

/// Asks the cap of what is held, where a broadcast that was no marketing when it was queued goes on as marketing: nobody
/// asked it then. Whoever had enough without it is left out.
pub(super) async fn ask_again(
    tx: &Tx,
    tenant: TenantId,
    broadcast: BroadcastId,
    now: Timestamp,
) -> Result<(), Fault> {
    let Some(cap) = tenants::settings(tx, tenant).await?.frequency_cap else { return Ok(()) };
    let sql = "SELECT b.category AS category FROM broadcasts b WHERE b.tenant_id = $1 AND b.id = $2";
    let was = db::one(&**tx, sql, [tenant.0.into(), broadcast.0.into()]).await?;
    let was = was.map_or(Ok(None), |row| row.get::<Option<String>>("category"))?;
    if was.is_some_and(|was| Category::from_word(&was).is_marketing()) {
        return Ok(());
    }
    lock(tx, tenant).await?;
    let since = start(now, cap.days);
    let sql = format!(
        "SELECT {} FROM outbox o CROSS JOIN messages m WHERE o.tenant_id = $1 AND o.broadcast_id = $2 AND o.held \
         AND NOT o.sending AND m.tenant_id = $1 AND m.id = o.message_id AND m.template_id IN \
         (SELECT k.id FROM templates k WHERE k.tenant_id = $1 AND k.category = '{}') \
         AND {} - CASE WHEN m.created_at >= {} THEN 1 ELSE 0 END >= {} ORDER BY m.contact_id, m.id{}",
        state::COLUMNS,
        Category::Marketing,
        marketing_since("$1", since, "o.contact_id"),
        micros(since),
        cap.messages,
        tx.dialect.for_update("m"),
    );
    let rows = db::all(&**tx, &sql, [tenant.0.into(), broadcast.0.into()]).await?;
    let mut over = rows.iter().map(state::from_row).collect::<Result<Vec<_>, _>>()?;
    while !over.is_empty() {
        let part = over.split_off(over.len().saturating_sub(PART));
        let gone = take_out(tx, tenant, part.iter().map(|state| state.id)).await?;
        let back = part.into_iter().filter(|state| gone.contains(&state.id));
        take_back(tx, tenant, back.map(|state| (state, OVER)).collect(), now).await?;
    }
    Ok(())
}
