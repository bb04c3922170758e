//! Refusals at the door: gathered, so that a flood of wrong keys or logins costs one write a second and one alert.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use domain::{TenantId, Timestamp};
use ports::StoreError;
use ports::access::{NOBODYS, NewSecurityEvent};
use ports::alerts::{NewAlert, Severity};

use crate::Deps;

/// The kinds of security events at this door.
pub mod kinds {
    pub use crate::alerts::kinds::API_KEY_REFUSED;
    /// A good key, used from outside of the networks that it may be used from.
    pub const API_KEY_ELSEWHERE: &str = "api_key_elsewhere";
    /// A wrong password or code.
    pub const LOGIN_FAILED: &str = "login_failed";
    /// Too many of them: further ones are not looked at for a while.
    pub const LOGIN_THROTTLED: &str = "login_throttled";
}

/// A key, or a login, that was refused.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Refusal {
    pub tenant_id: TenantId,
    /// Out of [`kinds`].
    pub kind: &'static str,
    /// The client's address as seen.
    pub address: Option<String>,
    pub reason: String,
    pub at: Timestamp,
}

/// Different refusals kept between two writes; more than this is the same attack seen from more places.
const GATHERED: usize = 1_000;

/// Whose door, what, from where, why.
type Knock = (TenantId, &'static str, Option<String>, String);

#[derive(Default)]
pub(super) struct Door {
    /// First time and number of each.
    refused: Mutex<HashMap<Knock, (Timestamp, i64)>>,
}

impl Door {
    pub(super) fn note(&self, refusal: Refusal) {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (refusal.tenant_id, refusal.kind, refusal.address, refusal.reason);
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
        if refused.is_empty() {
            return Ok(());
        }
        let mut exists: HashMap<TenantId, Option<TenantId>> = HashMap::new();
        let (mut events, mut alerts) = (Vec::new(), HashMap::<(TenantId, &str), NewAlert>::new());
        for ((tried, kind, address, reason), (at, count)) in refused {
            let whose = match exists.get(&tried) {
                Some(known) => *known,
                None => whose(deps, tried).await?,
            };
            exists.insert(tried, whose);
            let Some(tenant_id) = whose else { continue };
            if let Some(first) = alert(tenant_id, kind, &reason, at).filter(|_| tenant_id != NOBODYS) {
                let alert = alerts.entry((tenant_id, kind)).or_insert(first);
                alert.count += count;
                alert.at = alert.at.max(at);
            }
            let kind = kind.to_owned();
            events.push(NewSecurityEvent {
                tenant_id,
                kind,
                connection_id: None,
                address,
                reason,
                at,
                count,
            });
        }
        if events.is_empty() {
            return Ok(());
        }
        deps.store.record_security_events(events).await?;
        deps.store.raise_alerts(alerts.into_values().collect()).await?;
        Ok(())
    }
}

/// Whose security event it becomes; `None`: nobody's. What happened at no tenant's door is the affair of the only tenant
/// there is. Of several none may know who fails to come in at another's: then it is kept for the operator.
async fn whose(deps: &Deps, tried: TenantId) -> Result<Option<TenantId>, StoreError> {
    if tried != NOBODYS {
        return Ok(deps.store.tenant(tried).await?.map(|tenant| tenant.id));
    }
    let tenants = deps.store.tenants().await?;
    Ok(Some(match tenants.as_slice() {
        [only] => only.id,
        _ => NOBODYS,
    }))
}

/// A single wrong password is no alert: many are.
fn alert(tenant_id: TenantId, kind: &'static str, reason: &str, at: Timestamp) -> Option<NewAlert> {
    let (subject, message) = match kind {
        kinds::LOGIN_FAILED => return None,
        kinds::LOGIN_THROTTLED => ("logins", "Too many wrong passwords or codes; see the security events"),
        kinds::API_KEY_ELSEWHERE => {
            ("api_keys", "An API key was used from outside of its networks; see the security events")
        }
        _ => ("api_keys", "Calls with an API key that is not accepted; see the security events"),
    };
    Some(NewAlert {
        tenant_id,
        kind: kind.to_owned(),
        subject: subject.to_owned(),
        severity: Severity::Warning,
        message: message.to_owned(),
        details: serde_json::json!({ "reason": reason }),
        at,
        count: 0,
    })
}
