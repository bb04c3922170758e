//! Refused webhooks: kept as security events, and one alert however many there are.

use std::collections::BTreeMap;

use domain::{ConnectionId, TenantId, Timestamp};
use ports::access::NewSecurityEvent;
use ports::alerts::{NewAlert, Severity};
use ports::{Store, StoreResult};

/// The kind of the security event and of the alert.
pub(super) const KIND: &str = "webhook_signature_invalid";

/// A webhook that was not let in.
#[derive(Debug, Clone)]
pub(super) struct RefusedWebhook {
    pub tenant_id: TenantId,
    pub connection_id: Option<ConnectionId>,
    pub address: Option<String>,
    pub reason: String,
    pub at: Timestamp,
}

/// Keeps them all: an event each (equal ones are counted), an alert per connection.
pub(super) async fn record(store: &dyn Store, refused: Vec<RefusedWebhook>) -> StoreResult<Vec<()>> {
    let count = refused.len();
    let alerts = alerts(&refused);
    let events = refused
        .into_iter()
        .map(|one| NewSecurityEvent {
            tenant_id: one.tenant_id,
            kind: KIND.into(),
            connection_id: one.connection_id,
            address: one.address,
            reason: one.reason,
            at: one.at,
            count: 1,
        })
        .collect();
    store.record_security_events(events).await?;
    store.raise_alerts(alerts).await?;
    Ok(vec![(); count])
}

fn alerts(refused: &[RefusedWebhook]) -> Vec<NewAlert> {
    let mut by_subject: BTreeMap<(TenantId, String), (i64, &RefusedWebhook)> = BTreeMap::new();
    for one in refused {
        let subject = match one.connection_id {
            Some(id) => format!("connection:{id}"),
            None => "webhooks".to_owned(),
        };
        let known = by_subject.entry((one.tenant_id, subject)).or_insert((0, one));
        known.0 += 1;
        known.1 = one;
    }
    by_subject
        .into_iter()
        .map(|((tenant_id, subject), (count, last))| NewAlert {
            tenant_id,
            kind: KIND.into(),
            subject,
            severity: Severity::Warning,
            message: "Webhook requests with an invalid signature were refused. Somebody may be forging \
                      webhooks, or the app secret kept here is not the one in Meta's app dashboard."
                .into(),
            details: serde_json::json!({ "last_address": last.address, "last_reason": last.reason }),
            at: last.at,
            count,
        })
        .collect()
}
