//! Refusals at the door: gathered, so that a flood of wrong keys costs one write a second and one alert.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use domain::{TenantId, Timestamp};
use ports::StoreError;
use ports::access::NewSecurityEvent;
use ports::alerts::{NewAlert, Severity};

use crate::Deps;
use crate::alerts::kinds;

/// A key that was refused.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Refusal {
    pub tenant_id: TenantId,
    /// The client's address as seen.
    pub address: Option<String>,
    pub reason: String,
    pub at: Timestamp,
}

/// Different refusals kept between two writes; more than this is the same attack seen from more places.
const GATHERED: usize = 1_000;

/// Whose door, from where, why.
type Knock = (TenantId, Option<String>, String);

#[derive(Default)]
pub(super) struct Door {
    /// First time and number of each.
    refused: Mutex<HashMap<Knock, (Timestamp, i64)>>,
}

impl Door {
    pub(super) fn note(&self, refusal: Refusal) {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (refusal.tenant_id, refusal.address, refusal.reason);
        let room = refused.len() < GATHERED;
        if let Some((_, count)) = refused.get_mut(&key) {
            *count += 1;
        } else if room {
            refused.insert(key, (refusal.at, 1));
        }
    }

    /// Writes what was gathered. A tenant named in a path that does not exist is left out.
    pub(super) async fn flush(&self, deps: &Deps) -> Result<(), StoreError> {
        let refused = std::mem::take(&mut *self.refused.lock().unwrap_or_else(PoisonError::into_inner));
        let mut exists: HashMap<TenantId, bool> = HashMap::new();
        let (mut events, mut alerts) = (Vec::new(), HashMap::<TenantId, NewAlert>::new());
        for ((tenant_id, address, reason), (at, count)) in refused {
            let known = match exists.get(&tenant_id) {
                Some(known) => *known,
                None => deps.store.tenant(tenant_id).await?.is_some(),
            };
            exists.insert(tenant_id, known);
            if !known {
                continue;
            }
            let alert = alerts.entry(tenant_id).or_insert_with(|| refused_alert(tenant_id, &reason, at));
            alert.count += count;
            alert.at = alert.at.max(at);
            let kind = kinds::API_KEY_REFUSED.to_owned();
            events.push(NewSecurityEvent { tenant_id, kind, connection_id: None, address, reason, at });
        }
        if events.is_empty() {
            return Ok(());
        }
        deps.store.record_security_events(events).await?;
        deps.store.raise_alerts(alerts.into_values().collect()).await?;
        Ok(())
    }
}

fn refused_alert(tenant_id: TenantId, reason: &str, at: Timestamp) -> NewAlert {
    NewAlert {
        tenant_id,
        kind: kinds::API_KEY_REFUSED.to_owned(),
        subject: "api_keys".to_owned(),
        severity: Severity::Warning,
        message: "Calls with an API key that is not accepted; see the security events".to_owned(),
        details: serde_json::json!({ "reason": reason }),
        at,
        count: 0,
    }
}
