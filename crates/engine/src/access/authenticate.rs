//! Who knocks: from a key to its tenant and permissions.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use dashmap::DashMap;
use domain::access::Scope;
use domain::access::permissions::{Permission, Permissions};
use domain::{AccountId, ApiKeyId, MemberId, SessionId, SignedDuration, TenantId, Timestamp};
use ports::StoreError;
use ports::access::ApiKey;

use super::door::{Refusal, kinds};
use super::{Access, TRUST, key, token};

/// Who calls.
#[derive(Debug, Clone, PartialEq)]
pub enum Who {
    /// A program.
    Key { id: ApiKeyId, name: String, scopes: Vec<Scope> },
    /// A person.
    Member { id: MemberId, account: AccountId, email: String, name: Option<String>, session: SessionId },
}

/// A caller who is known.
#[derive(Debug, Clone, PartialEq)]
pub struct Authenticated {
    pub tenant_id: TenantId,
    pub who: Who,
    pub permissions: Permissions,
    /// Where the caller is.
    pub address: Option<IpAddr>,
    /// The call's own id.
    pub request_id: Option<String>,
}

impl Authenticated {
    /// Whether the caller may do this.
    pub fn may(&self, permission: Permission) -> bool {
        self.permissions.contains(permission)
    }

    /// The key, when it is one.
    pub fn key_id(&self) -> Option<ApiKeyId> {
        match &self.who {
            Who::Key { id, .. } => Some(*id),
            Who::Member { .. } => None,
        }
    }

    /// The member, when it is one.
    pub fn member_id(&self) -> Option<MemberId> {
        match &self.who {
            Who::Key { .. } => None,
            Who::Member { id, .. } => Some(*id),
        }
    }

    /// For people: the key's name, the member's name or address.
    pub fn name(&self) -> &str {
        match &self.who {
            Who::Key { name, .. } => name,
            Who::Member { email, name, .. } => name.as_deref().unwrap_or(email),
        }
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
    /// A good key, used from outside of its networks.
    Elsewhere,
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
        address: Option<IpAddr>,
    ) -> Result<Authentication, StoreError> {
        let now = self.deps.clock.now();
        let refuse = |tenant: Option<TenantId>, kind, reason: String| {
            if let Some(tenant_id) = tenant {
                let address = address.map(|address| address.to_string());
                self.door.note(Refusal { tenant_id, kind, address, reason, at: now });
            }
        };
        let found = match key::plausible(presented) {
            true => self.find_key(token::hash(presented), now).await?,
            false => None,
        };
        let Some(found) = found else {
            refuse(door, kinds::API_KEY_REFUSED, "unknown key".to_owned());
            return Ok(Authentication::Unknown);
        };
        let (whose, prefix) = (Some(found.tenant_id), &found.prefix);
        if found.revoked_at.is_some() {
            refuse(whose, kinds::API_KEY_REFUSED, format!("revoked key {prefix}…"));
            return Ok(Authentication::Revoked);
        }
        if found.expires_at.is_some_and(|end| end <= now) {
            refuse(whose, kinds::API_KEY_REFUSED, format!("expired key {prefix}…"));
            return Ok(Authentication::Expired);
        }
        if !found.networks.is_empty() && !address.is_some_and(|address| found.networks.contain(address)) {
            refuse(whose, kinds::API_KEY_ELSEWHERE, format!("key {prefix}… from outside of its networks"));
            return Ok(Authentication::Elsewhere);
        }
        self.known.note_use(found.id, now);
        Ok(Authentication::Known(Authenticated {
            tenant_id: found.tenant_id,
            permissions: Permissions::of_scopes(&found.scopes),
            who: Who::Key { id: found.id, name: found.name, scopes: found.scopes },
            address,
            request_id: None,
        }))
    }

    /// Only keys that exist are remembered, so that guesses fill no memory.
    pub(super) async fn find_key(
        &self,
        hash: [u8; 32],
        now: Timestamp,
    ) -> Result<Option<ApiKey>, StoreError> {
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
