//! Who knocks: from a key to its tenant and scopes.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use dashmap::DashMap;
use domain::access::Scope;
use domain::{ApiKeyId, SignedDuration, TenantId, Timestamp};
use ports::StoreError;
use ports::access::ApiKey;

use super::{Access, Refusal, TRUST, key};

/// A caller who is known.
#[derive(Debug, Clone, PartialEq)]
pub struct Authenticated {
    pub tenant_id: TenantId,
    pub key_id: ApiKeyId,
    /// The key's name, for notes and the audit trail.
    pub key_name: String,
    pub scopes: Vec<Scope>,
}

impl Authenticated {
    /// Whether the key may do this.
    pub fn may(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope)
    }
}

/// What came of looking at a key.
#[derive(Debug, Clone, PartialEq)]
pub enum Authentication {
    Known(Authenticated),
    /// No such key.
    Unknown,
    /// Its time is over.
    Expired,
    Revoked,
}

/// Keys that were looked up a moment ago, and when each was last used.
#[derive(Default)]
pub(super) struct Known {
    keys: DashMap<[u8; 32], (ApiKey, Timestamp)>,
    used: Mutex<HashMap<ApiKeyId, Timestamp>>,
}

impl Known {
    fn recall(&self, hash: &[u8; 32], now: Timestamp) -> Option<ApiKey> {
        let entry = self.keys.get(hash)?;
        let (key, looked_up) = entry.value();
        let age = now.duration_since(*looked_up);
        (age >= SignedDuration::ZERO && age < TRUST).then(|| key.clone())
    }

    fn note_use(&self, key: ApiKeyId, at: Timestamp) {
        self.used.lock().unwrap_or_else(PoisonError::into_inner).insert(key, at);
    }

    pub(super) fn forget(&self, key: ApiKeyId) {
        self.keys.retain(|_, (kept, _)| kept.id != key);
    }

    pub(super) fn take_used(&self) -> Vec<(ApiKeyId, Timestamp)> {
        std::mem::take(&mut *self.used.lock().unwrap_or_else(PoisonError::into_inner)).into_iter().collect()
    }
}

impl Access {
    /// Looks at a key as it was sent. A refusal is kept as a security event of the tenant whose key it was, or of
    /// the tenant whose door was tried; `address` is where the caller is.
    ///
    /// # Errors
    /// The store's alone: then nobody is known and nobody is refused.
    pub async fn authenticate(
        &self,
        presented: &str,
        door: Option<TenantId>,
        address: Option<&str>,
    ) -> Result<Authentication, StoreError> {
        let now = self.deps.clock.now();
        let refuse = |tenant: Option<TenantId>, reason: &str| {
            if let Some(tenant_id) = tenant {
                let address = address.map(str::to_owned);
                self.door.note(Refusal { tenant_id, address, reason: reason.to_owned(), at: now });
            }
        };
        let Some(found) = self.find(presented, now).await? else {
            refuse(door, "unknown key");
            return Ok(Authentication::Unknown);
        };
        if found.revoked_at.is_some() {
            refuse(Some(found.tenant_id), &format!("revoked key {}…", found.prefix));
            return Ok(Authentication::Revoked);
        }
        if found.expires_at.is_some_and(|end| end <= now) {
            refuse(Some(found.tenant_id), &format!("expired key {}…", found.prefix));
            return Ok(Authentication::Expired);
        }
        self.known.note_use(found.id, now);
        Ok(Authentication::Known(Authenticated {
            tenant_id: found.tenant_id,
            key_id: found.id,
            key_name: found.name,
            scopes: found.scopes,
        }))
    }

    /// Only keys that exist are remembered, so that guesses fill no memory.
    async fn find(&self, presented: &str, now: Timestamp) -> Result<Option<ApiKey>, StoreError> {
        if !key::plausible(presented) {
            return Ok(None);
        }
        let hash = key::hash(presented);
        if let Some(found) = self.known.recall(&hash, now) {
            return Ok(Some(found));
        }
        let found = self.deps.store.api_key_by_hash(&hash).await?;
        match &found {
            Some(found) => self.known.keys.insert(hash, (found.clone(), now)),
            None => self.known.keys.remove(&hash).map(|(_, kept)| kept),
        };
        Ok(found)
    }
}
